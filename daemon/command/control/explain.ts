import { PASSWORD_MAX } from '../../../protocol/limits.ts';
import { ConfigError } from '../../config/config-error.ts';
import type { Trace } from '../../explain/trace.ts';
import { messageOf } from '../../fault.ts';
import { protectMemory } from '../../native/memory.ts';
import { ExpressionError, parseExpression } from '../../policy/expression.ts';
import { EXPLAIN_CODES } from '../exit-code.ts';
import { askControl, ControlError } from './client.ts';
import type { ControlFlags } from './commands.ts';
import { explanation } from './explanation.ts';
import { controlSocket } from './socket-path.ts';

/** What `djauthd explain` asks. */
export interface ExplainFlags {
  readonly site?: string;
  readonly staff?: true;
  readonly superuser?: true;
  readonly permission?: readonly string[];
  readonly group?: readonly string[];
  readonly require?: string;
  readonly address?: string;
  readonly passwordStdin?: true;
  readonly json?: true;
}

/**
 * `djauthd explain`: why a user is granted or denied. Exits 0 if granted, 1 if denied and 2 if neither, whatever the cause:
 * an exit status of 1 is a denial and nothing else.
 */
export async function explain(user: string, flags: ControlFlags & ExplainFlags): Promise<void> {
  protectMemory();
  let password: Buffer | undefined;
  try {
    if (flags.require !== undefined) parseExpression(flags.require); // before a password is typed
    const path = controlSocket(flags);
    password = flags.passwordStdin ? await readPassword() : undefined;
    const { site, staff, superuser, permission, group, require, address } = flags;
    const required = {
      ...(staff && { staff }),
      ...(superuser && { superuser }),
      ...(permission && { permissions: permission }),
      ...(group && { groups: group }),
    };
    const content = await askControl(path, 'explain', {
      ...(site !== undefined && { site }),
      username: Buffer.from(user),
      ...(password !== undefined && { password }),
      ...(Object.keys(required).length > 0 && { require: required }),
      ...(require !== undefined && { expression: require }),
      ...(address !== undefined && { address }),
    });
    const trace: Trace = JSON.parse(String(content.get('trace')));
    process.stdout.write(flags.json ? `${JSON.stringify(trace, undefined, 2)}\n` : `${explanation(trace)}\n`);
    process.exitCode = exitCodeOf(trace);
  } catch (error) {
    if (error instanceof ConfigError) throw error; // which exits with the same code
    const sentence = error instanceof ExpressionError ? `--require: ${error.message}` : messageOf(error);
    process.stderr.write(`djauthd: ${sentence}\n`);
    process.exitCode = EXPLAIN_CODES.neither.code;
  } finally {
    password?.fill(0);
  }
}

/** What Apache would answer decides: a throttled user is neither granted nor denied. */
function exitCodeOf({ apache: { status } }: Trace): number {
  if (status === 200) return EXPLAIN_CODES.granted.code;
  return status === 401 ? EXPLAIN_CODES.denied.code : EXPLAIN_CODES.neither.code;
}

/** Keys of a terminal in raw mode: Enter and Ctrl-D, Ctrl-C, Ctrl-U, and what Backspace sends. */
const ENDS = [0x0d, 0x0a, 0x04];
const INTERRUPT = 0x03;
const KILL = 0x15;
const ERASES = [0x7f, 0x08];

const TOO_LONG = `the password has more than ${PASSWORD_MAX.toLocaleString('en')} octets: it is denied without a look`;

/** The length without the last character, which may have several octets in UTF-8. */
function withoutLast(octets: Buffer, length: number): number {
  let at = length - 1;
  while (at > 0 && ((octets[at] as number) & 0xc0) === 0x80) at--;
  return Math.max(0, at);
}

/**
 * The password: standard input to its end, without one newline there, as `djauth check` reads it; or what is typed at a
 * terminal, up to Enter and not shown.
 *
 * @throws ControlError
 */
async function readPassword(): Promise<Buffer> {
  const { stdin, stderr } = process;
  const octets = Buffer.from(new ArrayBuffer(PASSWORD_MAX + 2));
  let length = 0;
  const isTyped = stdin.isTTY;
  if (isTyped) {
    stderr.write('Password: ');
    stdin.setRawMode(true);
  }
  try {
    let ended = false;
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      try {
        for (const octet of chunk) {
          if (isTyped && ENDS.includes(octet)) ended = true;
          else if (isTyped && octet === INTERRUPT) throw new ControlError('interrupted');
          else if (isTyped && octet === KILL) length = 0;
          else if (isTyped && ERASES.includes(octet)) length = withoutLast(octets, length);
          else if (length < octets.length) octets[length++] = octet;
          else throw new ControlError(TOO_LONG);
          if (ended) break;
        }
      } finally {
        chunk.fill(0);
      }
      if (ended) break;
    }
  } catch (error) {
    octets.fill(0);
    throw error instanceof ControlError ? error : new ControlError(`cannot read the password: ${messageOf(error)}`);
  } finally {
    if (isTyped) {
      stdin.setRawMode(false);
      stderr.write('\n');
    }
  }
  if (!isTyped && octets[length - 1] === 0x0a) length--;
  return octets.subarray(0, length);
}
