/** The words around the panels: the header, notices, the drop target. The steps of the tour are in tour/steps.ts. */
export const words = {
  tagline: 'Edit which layers share their keys and values; watch memory, speed and text.',
  settings: 'Settings',
  link: {
    ignored: (complaints: string) => `Parts of this link were ignored: ${complaints}.`,
    folder: (name: string) =>
      `This link was made with “${name}”, a model opened from a folder, which a link cannot carry.`,
    folderAdvice: (model: string) =>
      `If you have that folder, open it here: the settings of the link stay. Until then the page uses ${model}.`,
    notShipped: (model: string) =>
      `This link asks for the model ${model}, which does not ship with this page.`,
    notShippedAdvice: (model: string) => `The page uses ${model} instead.`,
    elsewhere: (model: string, endpoint: string) =>
      `This link asks for the model ${model} from the server ${endpoint}.`,
    elsewhereAdvice: (model: string) =>
      `The server was not contacted and nothing was downloaded. Until you ask for it, the page uses ${model}.`,
    askSize: 'Ask for its size',
    restTaken: 'The rest of the link was used.',
  },
  fellBack: 'The model runs on the CPU instead, which is slower.',
  runsAnyway: 'The model runs all the same.',
  drop: {
    target: 'Drop a model’s folder, or its files, to open it here',
    files: 'The dropped folder',
  },
  update: {
    ready: 'A new version of kvtab is here.',
    when: 'It starts at your next visit, or now.',
    afterRun: 'Reload after this run',
    now: 'Reload now',
    later: 'Later',
  },
  tour: {
    newHere: 'New here?',
    take: 'Take the tour, five steps',
    again: 'Tour',
    decline: 'No, thanks',
    count: (step: number, steps: number) => `Step ${step} of ${steps}`,
    back: 'Back',
    next: 'Next',
    skip: 'Skip the tour',
    done: 'Done',
  },
} as const;
