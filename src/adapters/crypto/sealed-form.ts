/** A sealed text: its nonce, its ciphertext, and the tag of AES-GCM. Lengths in bytes. */
export const NONCE = 12;
export const TAG = 16;
