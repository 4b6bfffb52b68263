/* shapes.c: the table of shapes as data. */
#include "word/word.h"

const Shape shapes[TYPE_COUNT] = {
#define SHAPE(id, name, layout, bits) [TYPE_##id] = {name, LAYOUT_##layout, bits},
#include "word/shapes.def"
#undef SHAPE
};
