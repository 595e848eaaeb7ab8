/** For what is worth showing only if it lasts. */

/**
 * True once `what` has been something, and the same, for so many milliseconds; false as soon as it is nothing. To be
 * called while a component is made.
 */
export function lingers(what: () => unknown, ms: number): { readonly long: boolean } {
  let long = $state(false);
  const now = $derived(what());
  $effect(() => {
    if (!now) {
      long = false;
      return;
    }
    const timer = setTimeout(() => (long = true), ms);
    return () => clearTimeout(timer);
  });
  return {
    get long() {
      return long;
    },
  };
}
