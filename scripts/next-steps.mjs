// What install:system and uninstall:system say at their end: the next commands, for root on the host.
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where httpd's configuration is: Debian's, and that of others. Debian's *-available are not read by httpd. */
const APACHE = ['etc/apache2', 'etc/httpd'];
const NOT_READ = /-available$/;

/** The module's own files, which a2dismod takes out. */
const OWN_FILE = /^authnz_django\./;

/** Lines that httpd does not start with once the module is gone. */
const USES =
  /^\s*(AuthBasicProvider\s.*\bdjango\b|PythonAuthenHandler\s+django\.|<Authn?z?ProviderAlias\s+"?django\b|Require\s+(not\s+)?django-|Authz?Django\w+\s|Django[A-Z]\w+\s)/i;

/** How many files and lines are named. */
const USES_MAX = 20;

export function stepsAfterFirst(prefix) {
  return `
Next steps, as root on the host:
  systemd-sysusers && systemd-tmpfiles --create      creates the user djauthd and /run/djauthd
  ${prefix}/bin/djauthd import --settings mysite.settings --python venv/bin/python
                                                     as the site's user; put its output into /etc/djauthd/sites.d/mysite.toml
  systemctl daemon-reload
  systemctl enable --now djauthd-control.socket djauthd.socket djauthd.service
  a2enmod auth_basic authnz_django && systemctl restart apache2
  djauthd doctor                                     says whether all is well
  ldconfig                                           if you build programs with libdjauth
Samples for Apache: ${prefix}/share/doc/djauthd/client-c/conf. Documents: ${prefix}/share/doc/djauthd.`;
}

export function stepsAfterUpgrade() {
  return `
Upgraded. The running daemon and Apache have the earlier version until, as root on the host:
  systemd-sysusers && systemd-tmpfiles --create
  systemctl daemon-reload
  systemctl restart djauthd apache2                  the sockets stay open meanwhile: no question is lost
What has changed, and what you must do: CHANGELOG.md.`;
}

/** @param uses lines of httpd's configuration that need the module */
export function stepsAfterRemoval(uses) {
  const sites =
    uses.length === 0
      ? ''
      : `
Apache does not start any more ("Unknown Authn provider", "Invalid command") until these lines are gone:
${uses.map((use) => `  ${use}`).join('\n')}
Then:`;
  return `
Removed. As root on the host:
  systemctl disable --now djauthd.service djauthd.socket djauthd-control.socket djauthd-hooks.socket djauth-svn-groups.timer
  systemctl daemon-reload${sites}
  a2dismod authnz_django && systemctl restart apache2
The user djauthd and edited files in /etc/djauthd stay: userdel djauthd, rm -r /etc/djauthd.`;
}

/** The lines of the host's httpd that need the module: \`/etc/apache2/sites-enabled/x.conf:7: AuthBasicProvider django\`. */
export function usesOfModule(destination) {
  const uses = [];
  for (const file of APACHE.flatMap((directory) => filesIn(join(destination, directory)))) {
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const [at, line] of lines.entries()) {
      if (USES.test(line)) uses.push(`${file}:${at + 1}: ${line.trim()}`);
    }
  }
  const more = uses.length - USES_MAX;
  return more > 0 ? [...uses.slice(0, USES_MAX), `and ${more} more`] : uses;
}

/**
 * The files that httpd may read. A link to a file is followed, as Debian's *-enabled have them; one to a directory is not: where
 * httpd is in /etc/httpd, they lead to its logs and its modules.
 */
function filesIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) return NOT_READ.test(name) ? [] : filesIn(path);
    return isFile(path) && !OWN_FILE.test(name) ? [path] : [];
  });
}

/** Not for a link to nothing, or to itself. */
function isFile(path) {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
