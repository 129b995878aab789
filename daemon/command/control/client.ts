import net from 'node:net';
import { FrameReader } from '../../../protocol/frame.ts';
import { decodeReply, type ReceivedReply } from '../../../protocol/reply.ts';
import { encodeRequest } from '../../../protocol/request.ts';
import { STATUS } from '../../../protocol/status.ts';
import { messageOf } from '../../fault.ts';

/** The daemon cannot be asked, or did not do what it was asked. The message is a sentence. */
export class ControlError extends Error {}

/** How long an answer may take, in ms: a reload waits for nothing but itself. */
const TIMEOUT_MS = 30_000;

/**
 * Asks the daemon behind a control socket one thing, on a connection of its own. Gives the content of the reply.
 *
 * @throws ControlError
 */
export async function askControl(
  path: string,
  operation: string,
  parameters: object = {},
): Promise<ReceivedReply['content']> {
  const { status, content } = await exchange(path, encodeRequest(1, operation, parameters));
  if (status === STATUS.granted) return content;
  const reason = String(content.get('reason'));
  throw new ControlError(status === STATUS.badRequest ? `djauthd at ${path} does not take that: ${reason}` : reason);
}

function exchange(path: string, request: Buffer): Promise<ReceivedReply> {
  return new Promise<ReceivedReply>((resolve, reject) => {
    const socket = net.connect(path);
    const reader = new FrameReader();
    const fail = (sentence: string) => {
      socket.destroy();
      reject(new ControlError(sentence));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(`djauthd at ${path} did not answer within ${TIMEOUT_MS / 1000} s`));
    socket.once('connect', () => socket.write(request));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(sentenceOn(error, path)));
    socket.once('close', () => fail(sentenceOn({ code: 'EPIPE' }, path)));
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk, (body) => {
          resolve(decodeReply(body));
          socket.destroy();
        });
      } catch (error) {
        fail(`what listens at ${path} does not answer as djauthd does: ${messageOf(error)}`);
      }
    });
  });
}

function sentenceOn(error: Partial<NodeJS.ErrnoException>, path: string): string {
  switch (error.code) {
    case 'ENOENT':
      return `there is no control socket at ${path}: djauthd is not running, or listens elsewhere (listen.control)`;
    case 'ECONNREFUSED':
      return `nobody listens at ${path}: djauthd is not running`;
    case 'EACCES':
    case 'EPERM':
      return `${path} may not be opened: only root and the user that djauthd runs as may ask there`;
    case 'EPIPE':
    case 'ECONNRESET':
      return `djauthd at ${path} closed the connection without an answer`;
    default:
      return `${path} cannot be asked: ${messageOf(error)}`;
  }
}
