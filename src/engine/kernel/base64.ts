/** The bytes of a kernel that was built into the sources as text, so that no bundler has to be told of a file. */
export function bytesOfBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
