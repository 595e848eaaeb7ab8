declare const __VERSION__: string;

/** Words in a few bytes: `fronts` in vite.config.ts. */
declare module "*?fronts" {
  const words: string;
  export default words;
}
