const FOLDER_ID = /^folder:[\p{L}\p{N}._-]{1,100}$/u;

/** Whether a model's id is that of files that were opened, here or by whoever made a link. */
export const isFolderId = (id: string): boolean => FOLDER_ID.test(id);

/** The id of a model that ships, or `owner/name@revision` of one from elsewhere. */
const MODEL_ID = /^[\w.-]+(\/[\w.-]+(@[\w./-]+)?)?$/;

export const isModelName = (text: string): boolean =>
  (MODEL_ID.test(text) && !text.includes('..')) || isFolderId(text);

/** An address without a user, a question mark or a hash; the worker that asks the server reads it more strictly. */
const ENDPOINT = /^https?:\/\/[\w.-]+(:\d+)?(\/[\w.-]+)*$/;

export const isEndpoint = (text: string): boolean => ENDPOINT.test(text);
