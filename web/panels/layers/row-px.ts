/** Height of a layer's row in the picture: large enough for touch. */
export const ROW_PX = 28;
