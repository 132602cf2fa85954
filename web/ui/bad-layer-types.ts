/** What is wrong with layer types. Apart from the other failures, because it is said while a person types. */
export const badLayerTypes = ({ at, reason }: { readonly at: number; readonly reason: string }): string =>
  `Layer ${at}: ${reason}`;
