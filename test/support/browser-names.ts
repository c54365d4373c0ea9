/** Programs that the tests of pages can drive. */
export const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];
