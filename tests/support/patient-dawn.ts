/** Calls of setImmediate that Dawn may make in a row, before it waits between them. */
const EAGER_CALLS = 20;

type Look = (...args: unknown[]) => void;

/**
 * Dawn asks for its results by setImmediate, again and again until they are there. That keeps a core busy that a software
 * adapter needs to compile and compute. From now on it asks once a millisecond, if they are not there soon.
 */
export function makeDawnPatient(): void {
  const setNow = globalThis.setImmediate;
  let isAsking = false;
  let calls = 0;
  const ask = (look: Look, ...args: unknown[]) => {
    isAsking = true;
    try {
      look(...args);
    } finally {
      isAsking = false;
    }
  };
  const patient = (look: Look, ...args: unknown[]) => {
    // Dawn asks again from within its look; any other call begins something.
    calls = isAsking ? calls + 1 : 0;
    return calls < EAGER_CALLS ? setNow(ask, look, ...args) : setTimeout(ask, 1, look, ...args);
  };
  globalThis.setImmediate = Object.assign(patient, setNow);
}
