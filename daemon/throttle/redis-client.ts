import { loadPackage } from '../native/bundle.ts';
import type { RedisClient } from './shared-debts.ts';
import { type StoreAddress, storeAddressOf } from './store-url.ts';

/** The longest time between two attempts to connect, in ms. */
const RETRY_MAX_MS = 2_000;
const RETRY_STEP_MS = 100;

/** A connection on which nothing is heard for so long after a command is made anew, in ms. */
const SOCKET_TIMEOUT_MS = 5_000;

interface Library {
  readonly Redis: new (options: object) => RedisClient;
}

/**
 * Connects to a store, in the background and again whenever the connection is lost. Nothing is queued while there is no
 * connection, and nothing is sent twice. The client is ioredis (kept by Redis, few dependencies, speaks to Valkey as well;
 * iovalkey lags behind it); it is a file of its own in the build, loaded only here.
 *
 * @throws Error if the library cannot be loaded
 */
export function connectRedis(url: string): RedisClient {
  const { name: _, tls, ...address } = storeAddressOf(url) as StoreAddress;
  const { Redis } = loadPackage<Library>('./ioredis.js');
  return new Redis({
    ...address,
    ...(tls ? { tls: { servername: address.host } } : {}),
    // Neither INFO nor CLIENT: the store's user needs no more rights than a guess does, and the first probe tells.
    enableReadyCheck: false,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: SOCKET_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    retryStrategy: (attempts: number) => Math.min(attempts * RETRY_STEP_MS, RETRY_MAX_MS),
  });
}
