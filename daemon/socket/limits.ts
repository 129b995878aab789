import { InFlight } from './in-flight.ts';
import { Stalled } from './stalled.ts';
import { Turns } from './turns.ts';

/** What all connections share, so that their number multiplies neither memory nor time. */
export class Limits {
  readonly turns = new Turns();
  readonly inFlight: InFlight;
  readonly stalled: Stalled;

  /** @param octets limit of requests in flight, and of what peers hold up */
  constructor(octets = Number.POSITIVE_INFINITY) {
    this.inFlight = new InFlight(octets);
    this.stalled = new Stalled(octets);
  }

  set octets(limit: number) {
    this.inFlight.limit = limit;
    this.stalled.limit = limit;
  }
}
