/* disassemble.c: an instruction as text.

   NAME operands, in the order N A B C of those that the instruction has: registers as R3, constants as K2, environment values and counts as
   plain numbers, jumps as the offset of their target, predicates by name.  The Lisp side puts the constants behind. */
#include "code/code.h"

#include <stdio.h>

static size_t append(char *buffer, size_t size, size_t used, const char *text) {
    size_t n = strlen(text);
    if (used + n + 1 > size) return used;
    memcpy(buffer + used, text, n + 1);
    return used + n;
}

/* One operand; `d` is the 32-bit field. */
static void operand_text(char letter, unsigned value, int32_t d, uint64_t offset, char *text, size_t size) {
    switch (letter) {
    case 'd': case 's': case 'u': case 'f': snprintf(text, size, " R%u", value); break;
    case 'k': snprintf(text, size, " K%u", value); break;
    case 'K': snprintf(text, size, " K%d", d); break;
    case 'i': snprintf(text, size, " %d", (int16_t)value); break;
    case 'I': snprintf(text, size, " %d", d); break;
    case 'c': snprintf(text, size, " %u", value); break;
    case 'j': snprintf(text, size, " ->%lld", (long long)offset + 1 + (int16_t)value); break;
    case 'J': snprintf(text, size, " ->%lld", (long long)offset + 1 + d); break;
    case 'p': snprintf(text, size, " %s", value < PRED_COUNT ? predicate_names[value] : "?"); break;
    default: text[0] = 0;
    }
}

void code_disassemble(const Instruction *code, uint64_t offset, char *buffer, size_t size) {
    Instruction i = code[offset];
    if (size) buffer[0] = 0;
    if (instruction_op(i) >= OP_COUNT) {
        append(buffer, size, 0, "?");
        return;
    }
    const OpcodeInfo *info = &opcodes[instruction_op(i)];
    unsigned fields[4] = {instruction_n(i), instruction_a(i), instruction_b(i), instruction_c(i)};
    size_t used = append(buffer, size, 0, info->name);
    for (int k = 0; k < 4 && info->operands[k]; k++) {
        char text[64];
        operand_text(info->operands[k], fields[k], instruction_d(i), offset, text, sizeof text);
        used = append(buffer, size, used, text);
    }
}
