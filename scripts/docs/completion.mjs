// The completion of bash, from the table of commands.

/** @param program commander's, with its commands and options */
export function bashCompletion(program) {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    options: [...command.options.filter(({ hidden }) => !hidden).map(({ long }) => long), '--help'],
  }));
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(({ name, options }) => `        ${name}) words='${options.join(' ')}' ;;\n`).join('');
  const values = program.commands.flatMap(({ options }) => options);
  const free = [...new Set(values.filter((option) => option.required && !option.argChoices).map(({ long }) => long))]
    .sort()
    .join(' | ');
  const choices = new Map(
    values.filter(({ argChoices }) => argChoices).map(({ long, argChoices }) => [long, argChoices]),
  );
  const chosen = [...choices].map(([long, list]) => `        ${long}) words='${list.join(' ')}' ;;\n`).join('');
  return `# Completion of bash for djauthd. Made by "npm run docs" from the table of commands in daemon/command/program.ts.
_djauthd() {
    local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} words=
    case $before in
${chosen}        ${free})
            compopt -o default # a file, or a word that is not known here
            return
            ;;
    esac
    if [ -z "$words" ]; then
        case \${COMP_WORDS[1]} in
${cases}        esac
        [ "$COMP_CWORD" -gt 1 ] || words='${names} --help --version'
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _djauthd djauthd
`;
}
