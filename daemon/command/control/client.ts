import net from 'node:net';
import { FrameReader } from '../../../protocol/frame.ts';
import { decodeReply, type ReceivedReply } from '../../../protocol/reply.ts';
import { encodeRequest } from '../../../protocol/request.ts';
import { STATUS } from '../../../protocol/status.ts';
import { messageOf } from '../../fault.ts';

/** The daemon cannot be reached, or did not do what was requested. The message is a sentence. */
export class ControlError extends Error {}

/** How long to wait for a reply, in ms. */
const TIMEOUT_MS = 30_000;

/**
 * Sends one request to the daemon behind a control socket, on a new connection. Returns the content of the reply.
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
  throw new ControlError(status === STATUS.badRequest ? `djauthd at ${path} rejected the request: ${reason}` : reason);
}

function exchange(path: string, request: Buffer): Promise<ReceivedReply> {
  return new Promise<ReceivedReply>((resolve, reject) => {
    const socket = net.connect(path);
    const reader = new FrameReader();
    const fail = (sentence: string) => {
      socket.destroy();
      reject(new ControlError(sentence));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(`djauthd at ${path} did not reply within ${TIMEOUT_MS / 1000} s`));
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
        fail(`invalid reply from ${path}, which is not djauthd's control socket: ${messageOf(error)}`);
      }
    });
  });
}

function sentenceOn(error: Partial<NodeJS.ErrnoException>, path: string): string {
  switch (error.code) {
    case 'ENOENT':
      return `no such control socket: ${path}: djauthd is not running, or listen.control differs`;
    case 'ECONNREFUSED':
      return `connection refused: ${path}: djauthd is not running`;
    case 'EACCES':
    case 'EPERM':
      return `permission denied: ${path}: only root and the user that djauthd runs as can connect`;
    case 'EPIPE':
    case 'ECONNRESET':
      return `djauthd at ${path} closed the connection without a reply`;
    default:
      return `cannot connect to ${path}: ${messageOf(error)}`;
  }
}
