import { PASSWORD_MAX } from '../../../protocol/limits.ts';
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
    if (!(error instanceof ControlError || error instanceof ExpressionError)) throw error;
    const sentence = error instanceof ExpressionError ? `--require: ${error.message}` : error.message;
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
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      const end = isTyped ? chunk.findIndex((octet) => octet === 0x0d || octet === 0x0a || octet === 0x04) : -1;
      if (isTyped && chunk.includes(0x03)) throw new ControlError('interrupted');
      const taken = end < 0 ? chunk : chunk.subarray(0, end);
      const fits = length + taken.length <= octets.length;
      if (fits) taken.copy(octets, length);
      length += taken.length;
      chunk.fill(0);
      if (!fits)
        throw new ControlError(
          `the password has more than ${PASSWORD_MAX.toLocaleString('en')} octets: it is denied without a look`,
        );
      if (end >= 0) break;
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
