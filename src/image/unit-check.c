/* unit-check.c: what is done to a unit before it is believed: checksum, interface, patching, verification.

   The checksum covers every byte of the file, so what passes has not been changed by accident since it was written.  Still every length, offset,
   count and instruction is checked: a forged file or a compiler's mistake is an error when the unit is loaded, not harm done.

   Verification (code/verify.c, code/flow.c) needs a function's constants, so it happens when a template is made, before it can be called.  Beyond
   that it is seen to that closures get the environment that the templates they are made of reckon with.

   Invariants
     unit.dynamic  behind unit_patch there is no CLOSURE or CLOSUREREC in the block
     unit.owner    a function over the block has its owner as the last value of its environment */
#include "image/unit-format.h"

/* -- Checksums -- */

static inline uint64_t mix(uint64_t h, uint64_t w) {
    h = (h ^ w) * UINT64_C(0x9E3779B97F4A7C15);
    return h << 31 | h >> 33;
}

/* Each step is a bijection of the state for a given word, so a change within one word always shows. */
uint64_t unit_checksum(const void *bytes, size_t n, uint64_t seed) {
    const char *p = bytes;
    uint64_t a = seed ^ n, b = ~seed, w;
    for (; n >= 16; n -= 16, p += 16) {
        memcpy(&w, p, 8);
        a = mix(a, w);
        memcpy(&w, p + 8, 8);
        b = mix(b, w);
    }
    for (; n; n--, p++) a = mix(a, (uint8_t)*p);
    return mix(mix(a, b), a ^ UINT64_C(0xD6E8FEB86659FD93));
}

static uint64_t checksum_text(const char *text, uint64_t seed) { return unit_checksum(text, strlen(text), seed); }

uint64_t unit_interface(void) {
    uint64_t h = UNIT_VERSION;
    for (int i = 0; i < OP_COUNT; i++) h = checksum_text(opcodes[i].effect, checksum_text(opcodes[i].operands, checksum_text(opcodes[i].name, h)));
    for (int i = 0; i < PRED_COUNT; i++) h = checksum_text(predicate_names[i], h);
    for (int i = 0; i < TYPE_COUNT; i++) h = checksum_text(shapes[i].name, h);
    return h;
}

/* -- Code -- */

bool unit_patch(char *block, size_t bytes) {
    size_t at = 0;
    while (at + 8 <= bytes) {
        Obj header = *(Obj *)(void *)(block + at);
        if (!is_header(header) || header_type(header) != TYPE_CODE || header_length(header) > (bytes - at - 8) / 8) return false;
        Instruction *code = (Instruction *)(void *)(block + at + 8);
        for (uint64_t i = 0; i < header_length(header); i++) {
            Opcode op = instruction_op(code[i]);
            if (op == OP_CLOSURE) code[i] += OP_CLOSUREDYN - OP_CLOSURE;
            if (op == OP_CLOSUREREC) code[i] += OP_CLOSURERECDYN - OP_CLOSUREREC;
        }
        at += header_bytes(header);
    }
    return at == bytes;
}

/* The values that closures of the template reckon with, the owner not counted. */
static uint64_t template_values(Obj template) { return obj_length(template) < FUNCTION_ENV + 1 ? UINT64_MAX : obj_length(template) - FUNCTION_ENV - 1; }

/* Closures get as many values as their templates reckon with. */
static bool closures_fit(const Instruction *code, uint64_t length, Obj constants) {
    for (uint64_t i = 0; i < length; i++) {
        Opcode op = instruction_op(code[i]);
        if (op == OP_CLOSURE || op == OP_CLOSUREREC || op == OP_DISPATCH) return false; /* not patched, so no code; and no generic function's */
        if (op != OP_CLOSUREDYN && op != OP_CLOSURERECDYN) continue;
        Obj k = obj_slots(constants)[instruction_b(code[i])];
        if (op == OP_CLOSUREDYN && template_values(k) != instruction_c(code[i])) return false;
        if (op == OP_CLOSUREDYN) continue;
        for (uint64_t j = 0; j < obj_length(k); j++)
            if (template_values(obj_slots(k)[j]) != instruction_c(code[i]) + obj_length(k)) return false;
    }
    return true;
}

const char *unit_verify(Obj code, Obj constants, uint64_t environment, uint8_t *cells) {
    uint64_t at;
    const char *wrong = code_verify(obj_raw(code), obj_length(code), constants, environment + 1, &at);
    if (wrong) return wrong;
    if (!closures_fit(obj_raw(code), obj_length(code), constants)) return "a closure's environment does not fit";
    wrong = code_verify_flow(obj_raw(code), obj_length(code), constants, cells);
    if (!wrong && cells[environment]) return "the owner is no cell";
    return wrong;
}
