/** Runs in a page, so it uses nothing from outside: waits until a whole record of the weights is stored. */
export async function recordStored(): Promise<void> {
  const open = indexedDB.open('kvtab');
  const database = await new Promise<IDBDatabase>((resolve) => {
    open.onsuccess = () => resolve(open.result);
  });
  const keys = () =>
    new Promise<readonly IDBValidKey[]>((resolve) => {
      const asked = database.transaction('values').objectStore('values').getAllKeys();
      asked.onsuccess = () => resolve(asked.result);
    });
  const isRecord = (key: IDBValidKey) =>
    Array.isArray(key) && key[0] === 'model-record-1' && key.includes('model.safetensors');
  while (!(await keys()).some(isRecord)) await new Promise((go) => setTimeout(go, 50));
  database.close();
}
