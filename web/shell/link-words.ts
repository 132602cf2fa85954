/** What the page says of a link that it could not follow. */
export const linkWords = {
  ignored: (complaints: string) => `Parts of this link were ignored: ${complaints}.`,
  folder: (name: string) =>
    `This link was made with “${name}”, a model opened from a folder, which a link cannot carry.`,
  folderAdvice: (model: string) =>
    `If you have that folder, open it here: the settings of the link stay. Until then the page uses ${model}.`,
  notShipped: (model: string) => `This link asks for the model ${model}, which does not ship with this page.`,
  notShippedAdvice: (model: string) => `The page uses ${model} instead.`,
  elsewhere: (model: string, endpoint: string) =>
    `This link asks for the model ${model} from the server ${endpoint}.`,
  elsewhereAdvice: (model: string) =>
    `The server was not contacted and nothing was downloaded. Until you ask for it, the page uses ${model}.`,
  onDevice: (model: string) => `This link asks for the model ${model}, which is stored on this device.`,
  healedElsewhere: (model: string) =>
    `This link asks for the model ${model}, which was healed in a browser and is not stored in this one.`,
  healedAdvice: (model: string) =>
    `A link cannot carry it. Heal the plan here, or open an exported copy from a folder. The page uses ${model}.`,
  heldAdvice: (complete: boolean, model: string) =>
    `${complete ? 'It starts without a download.' : 'A part of it is stored on this device.'} Until you ask for it, the page uses ${model}.`,
  openHeld: (complete: boolean) => (complete ? 'Load it' : 'Resume its download'),
  askSize: 'Ask for its size',
  otherBuild: (build: string) => `This link cites a run of kvtab ${build}.`,
  thisBuild: (build: string) => `This page is ${build}: its figures, and rarely its text, may differ.`,
  restTaken: 'The rest of the link was used.',
} as const;
