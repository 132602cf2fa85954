/** Runs in a page: keeps every file that the page saves from now on, because WebDriver cannot read a download. */
export function keepSavedFiles(): void {
  const make = URL.createObjectURL.bind(URL);
  const savedFiles: Blob[] = [];
  Object.assign(globalThis, { savedFiles });
  URL.createObjectURL = (content: Blob) => {
    savedFiles.push(content);
    return make(content);
  };
}

/** Runs in a page: waits for a kept file, by its number, and returns its bytes in base64. */
export async function savedBase64(number: number): Promise<string> {
  const { savedFiles } = globalThis as unknown as { readonly savedFiles: readonly Blob[] };
  while (savedFiles.length <= number) await new Promise((go) => setTimeout(go, 20));
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(typeof reader.result === 'string' ? reader.result.replace(/^.*,/, '') : '');
    reader.onerror = () => reject(new Error('the saved file cannot be read'));
    reader.readAsDataURL(savedFiles[number] ?? new Blob());
  });
}

/** Runs in a page: how many pixels of a kept picture have a color, and how many there are. */
export async function paintedPixels(number: number, color: string): Promise<readonly [number, number]> {
  const { savedFiles } = globalThis as unknown as { readonly savedFiles: readonly Blob[] };
  const picture = await createImageBitmap(savedFiles[number] ?? new Blob());
  const canvas = document.createElement('canvas');
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser gives no canvas');
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let painted = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] === red && data[i + 1] === green && data[i + 2] === blue) painted++;
  }
  return [painted, data.length / 4];
}
