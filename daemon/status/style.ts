/** The style sheet of the status page, for narrow and wide screens, light and dark. */
export const STYLE = `
:root{--ground:#f4f5f7;--card:#fff;--text:#1b1f24;--quiet:#5c6672;--line:#e1e5ea;--track:#e9edf2;--all:#2463c9;--hashed:#c2570c;--good:#1a7f4b;--bad:#c22f2f}
@media (prefers-color-scheme:dark){:root{--ground:#101418;--card:#1a2027;--text:#e6eaef;--quiet:#9aa6b2;--line:#2b333d;--track:#28303a;--all:#6ea4f7;--hashed:#f0994f;--good:#53c98a;--bad:#ff8078}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1.5rem 1rem;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem;margin-bottom:1rem}
h1{font-size:1.5rem;line-height:1.2;margin:0}
h2{font-size:.95rem;margin:0 0 .5rem}
h3{font-size:.9rem;margin:0}
p,dl,dd{margin:0}
.quiet,small,dt,footer,thead th{color:var(--quiet)}
.quiet,small{font-size:.85rem}
.state .dot{display:inline-block;width:.6em;height:.6em;margin-right:.45em;border-radius:50%;background:var(--quiet)}
.state.good{color:var(--good)}.state.good .dot{background:var(--good)}
.state.bad{color:var(--bad)}.state.bad .dot{background:none;box-shadow:inset 0 0 0 .17em var(--bad)}
main{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem}
section,.tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem}
.wide,.tiles{grid-column:1/-1}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1rem}
.tile dt{font-size:.85rem}
.tile dd{font-size:1.75rem;font-weight:600;line-height:1.3}
.tile.bad dd{color:var(--bad)}
.tile small{display:block;font-weight:400;line-height:1.4}
.key span{margin-right:.9rem;font-size:.85rem}
.key .all::before,.key .hashed::before{content:"";display:inline-block;width:.7em;height:.7em;margin-right:.4em;border-radius:.15em;background:var(--all)}
.key .hashed::before{background:var(--hashed)}
.plot{display:grid;grid-template:10rem auto/auto minmax(0,1fr);gap:.35rem .5rem;margin-top:.75rem}
.axis{display:flex;flex-direction:column;justify-content:space-between;align-items:flex-end;margin:-.65em 0;line-height:1.3;white-space:nowrap}
.rates{display:block;width:100%;height:100%;border-bottom:1px solid var(--quiet);overflow:visible}
.rates .grid{stroke:var(--line);vector-effect:non-scaling-stroke}
.rates polygon.all{fill:var(--all);opacity:.18}
.rates polyline{fill:none;stroke:var(--all);stroke-width:1.5;vector-effect:non-scaling-stroke}
.rates .hashed{fill:var(--hashed)}
.line{white-space:nowrap}
.ends{grid-column:2;display:flex;justify-content:space-between}
.bar{display:block;width:100%;height:.75rem;border-radius:.2rem;overflow:hidden}
.bar .track{fill:var(--track)}
.bar .all,.bar .cached,.bar .authorized{fill:var(--all)}
.bar .hashed{fill:var(--hashed)}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem 2rem}
table{width:100%;border-collapse:collapse}
th{text-align:left;font-weight:500}
.plain{margin:.5rem 0}
.plain th,.plain td{padding:.12rem 0;font-size:.85rem;white-space:nowrap}
.plain td:last-child,.plain thead th:last-child{text-align:right}
.plain th,.plain td:last-child{width:1%}
.words th{white-space:normal;width:55%}
.refused td:not(:last-child){white-space:normal;padding-right:.75rem}
.words small{display:block;line-height:1.3}
.words .bars{vertical-align:middle}
.words+h2{margin-top:1rem}
.plain .bars{padding:0 .75rem}
.sites th,.sites td{padding:.5rem .75rem .5rem 0;vertical-align:top;border-top:1px solid var(--line)}
.sites thead th{border:0;padding-top:0;font-size:.85rem;white-space:nowrap}
.sites tbody th{font-weight:600;min-width:8rem}
.sites td:nth-child(n+4),.sites th:nth-child(n+4){text-align:right;overflow-wrap:normal}
.sites td:nth-child(3){min-width:12rem}
.sites small{display:block}
.past{color:var(--quiet)}
.failure{color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem 1rem}
.facts dt{font-size:.85rem}
footer{margin:1rem 0 0;font-size:.85rem}
footer a{margin-right:1rem;color:var(--all)}
@media (max-width:60rem){
main{grid-template-columns:minmax(0,1fr)}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:.75rem}
.tile{padding:.75rem}
.sites thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.sites tr{display:block;padding:.75rem 0;border-top:1px solid var(--line)}
.sites tr:first-child{border:0;padding-top:0}
.sites th,.sites td{display:block;border:0;padding:.1rem 0}
.sites td:nth-child(n){display:flex;gap:1rem;min-width:0;text-align:left}
.sites td::before{content:attr(data-label);flex:0 0 7.5rem;color:var(--quiet);font-size:.85rem}
.sites td>div{min-width:0}
}
`;
