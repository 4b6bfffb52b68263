/* opcodes.c: the tables of code as data. */
#include "code/code.h"

const OpcodeInfo opcodes[OP_COUNT] = {
#ifdef WINDFALL_SLIM
#define OP(id, operands, effect) [OP_##id] = {"", operands, ""},
#else
#define OP(id, operands, effect) [OP_##id] = {#id, operands, effect},
#endif
#include "code/opcodes.def"
#undef OP
};

const char *const predicate_names[PRED_COUNT] = {
#define PREDICATE(id, name, test) [PRED_##id] = name,
#include "code/predicates.def"
#undef PREDICATE
};
