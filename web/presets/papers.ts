import type { Paper } from './preset.ts';

/** What a bibliography needs to know of a paper. Apart from the presets, because only a citation needs it. */
interface Reference {
  readonly key: string;
  /** As BibTeX joins them. */
  readonly authors: string;
  readonly year: number;
}

/** By the paper's arXiv number. */
const references: Readonly<Record<string, Reference>> = {
  '2302.13971': {
    key: 'touvron2023llama',
    authors:
      "Touvron, Hugo and Lavril, Thibaut and Izacard, Gautier and Martinet, Xavier and Lachaux, Marie-Anne and Lacroix, Timoth{\\'e}e and Rozi{\\`e}re, Baptiste and Goyal, Naman and Hambro, Eric and Azhar, Faisal and Rodriguez, Aurelien and Joulin, Armand and Grave, Edouard and Lample, Guillaume",
    year: 2023,
  },
  '2405.10637': { key: 'wu2024lckv', authors: 'Wu, Haoyi and Tu, Kewei', year: 2024 },
  '2405.12981': {
    key: 'brandon2024cla',
    authors:
      'Brandon, William and Mishra, Mayank and Nrusimha, Aniruddha and Panda, Rameswar and Ragan-Kelley, Jonathan',
    year: 2024,
  },
  '2405.05254': {
    key: 'sun2024yoco',
    authors:
      'Sun, Yutao and Dong, Li and Zhu, Yi and Huang, Shaohan and Wang, Wenhui and Ma, Shuming and Zhang, Quanlu and Wang, Jianyong and Wei, Furu',
    year: 2024,
  },
  '2409.15012': {
    key: 'rajput2024mixattention',
    authors: 'Rajput, Shashank and Sheng, Ying and Owen, Sean and Chiley, Vitaliy',
    year: 2024,
  },
  '2410.14442': { key: 'wu2024crosslayer', authors: 'Wu, You and Wu, Haoyi and Tu, Kewei', year: 2024 },
};

/** The number of a paper on arXiv. */
export const arxivOf = ({ url }: Paper): string => url.slice(url.lastIndexOf('/') + 1);

/** The paper's entry in a bibliography; null if its authors are not listed here. */
export function paperAsBibtex(paper: Paper): string | null {
  const arxiv = arxivOf(paper);
  const reference = references[arxiv];
  if (!reference) return null;
  return [
    `@misc{${reference.key},`,
    `  title = {{${paper.title}}},`,
    `  author = {${reference.authors}},`,
    `  year = {${reference.year}},`,
    `  eprint = {${arxiv}},`,
    '  archivePrefix = {arXiv},',
    `  url = {${paper.url}},`,
    '}',
  ].join('\n');
}
