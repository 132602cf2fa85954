/** The words of the model panel. */
export const words = {
  model: 'Model',
  named: (id: string, name: string) => `${id}: ${name}`,
  fromFolder: 'Opened from a folder on this machine. Its files are read from there.',
  healed: 'Healed on this device.',
  fromServer: (endpoint: string) => `From ${endpoint}.`,
  measured: (description: string, bits: string) =>
    `${description} Held-out tales take it ${bits} bits per byte.`,
  openFolder: 'Open folder',
  openFiles: 'Open files',
  fromHub: 'From the Hub',
  openHint: 'or drop a folder anywhere. Nothing is uploaded.',
} as const;
