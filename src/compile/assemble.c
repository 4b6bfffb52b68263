/* assemble.c: instructions with labels to a code vector, constants, debug information.

   Emitting into unreachable code does nothing, so dead code behind a jump disappears by itself; placing a label that is used makes code
   reachable again.  At the end the jumps are resolved: a jump to a jump goes where that one goes; a conditional jump whose 16 bits do
   not suffice becomes its own detour around a long jump (jump over one to a JUMP).

   Invariants
     assemble.forward  only JUMP_BACK leads backward */
#include "compile/generate.h"

enum { HASH_FROM = 16 };

/* Twice the room for what is at `p`. */
static void *grow(const Gen *g, void *p, uint32_t *room, size_t size, uint32_t least) {
    uint32_t more = *room ? 2 * *room : least;
    void *q = arena_alloc(g->c, more * size);
    if (*room) memcpy(q, p, *room * size);
    *room = more;
    return q;
}

/* -- Emitting -- */

void emit(Gen *g, Instruction i) {
    if (!g->reachable) return;
    if (g->length == g->room) g->code = grow(g, g->code, &g->room, sizeof *g->code, 64);
    g->code[g->length++] = i;
}

void emit_abc(Gen *g, Opcode op, unsigned a, unsigned b, unsigned c) { emit(g, instruction_abc(op, 0, a, b, c)); }
void emit_ad(Gen *g, Opcode op, unsigned a, int32_t d) { emit(g, instruction_ad(op, 0, a, d)); }

Label *label_new(Gen *g) {
    Label *l = arena_alloc(g->c, sizeof *l);
    l->at = -1;
    return l;
}

/* The code that follows is reached by jumps to the label.  A jump just before, to here, is taken back. */
void label_place(Gen *g, Label *l) {
    if (g->fixup_count && g->label_at != (int32_t)g->length) {
        Fixup *last = &g->fixups[g->fixup_count - 1];
        if (last->label == l && last->at == g->length - 1 && instruction_op(g->code[last->at]) == OP_JUMP) {
            g->fixup_count--;
            g->length--;
            l->uses--;
            g->reachable = true;
        }
    }
    l->at = (int32_t)g->length;
    if (l->uses) {
        g->reachable = true;
        g->label_at = l->at;
    }
}

void emit_jump_to(Gen *g, Instruction i, Label *l) {
    if (!g->reachable) return;
    if (g->fixup_count == g->fixup_room) g->fixups = grow(g, g->fixups, &g->fixup_room, sizeof *g->fixups, 32);
    g->fixups[g->fixup_count++] = (Fixup){g->length, l};
    l->uses++;
    emit(g, i);
}

/* Goes to the label, forward or back. */
void jump(Gen *g, Label *l) {
    emit_jump_to(g, instruction_ad(l->at >= 0 ? OP_JUMP_BACK : OP_JUMP, 0, 0, 0), l);
    g->reachable = false;
}

/* -- Constants -- */

static uint32_t constant_slot(const Gen *g, Obj x) {
    uint32_t i = (uint32_t)((x.w * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (g->constant_index_size - 1);
    while (g->constant_index[i] && !eq(ref(g->c, g->constants[g->constant_index[i]]), x)) i = (i + 1) & (g->constant_index_size - 1);
    return i;
}

static void constant_rehash(Gen *g) {
    g->constant_index_size = g->constant_index_size ? 2 * g->constant_index_size : 4 * HASH_FROM;
    g->constant_index = arena_alloc(g->c, g->constant_index_size * sizeof(uint32_t));
    for (uint32_t k = 1; k < g->constant_count; k++) g->constant_index[constant_slot(g, ref(g->c, g->constants[k]))] = k;
}

/* The index of the constant that the Ref holds; the same object has one index.  Index 0 is the debug information's. */
unsigned constant_index(Gen *g, Ref r) {
    Obj x = ref(g->c, r);
    if (g->constant_index) {
        uint32_t k = g->constant_index[constant_slot(g, x)];
        if (k) return k;
    } else {
        for (uint32_t k = 1; k < g->constant_count; k++)
            if (eq(ref(g->c, g->constants[k]), x)) return k;
    }
    if (g->constant_count > UINT16_MAX) compile_error(g->c, "A function has too many constants: ~S", 1, ref(g->c, g->fn->name));
    if (g->constant_count == g->constant_room) g->constants = grow(g, g->constants, &g->constant_room, sizeof *g->constants, 8);
    if (g->constant_count == 0) g->constants[g->constant_count++] = (Ref){0};
    if (g->constant_count == g->constant_room) g->constants = grow(g, g->constants, &g->constant_room, sizeof *g->constants, 8);
    uint32_t k = g->constant_count++;
    g->constants[k] = r;
    if (g->constant_index) g->constant_index[constant_slot(g, x)] = k;
    if (k >= HASH_FROM && 2 * k >= g->constant_index_size) constant_rehash(g);
    return k;
}

unsigned constant_index_of(Gen *g, Obj x) { return constant_index(g, ref_new(g->c, x)); }

/* Notes that the next instruction belongs to the line. */
void place_note(Gen *g, uint32_t line) {
    if (!line || !g->reachable || (g->place_count && g->places[g->place_count - 1] == line)) return;
    if (g->place_count + 2 > g->place_room) g->places = grow(g, g->places, &g->place_room, sizeof *g->places, 32);
    g->places[g->place_count++] = g->length;
    g->places[g->place_count++] = line;
}

/* -- Jumps -- */

/* Where a jump to `at` ends in the end. */
static uint32_t threaded(const Gen *g, const uint32_t *fixup_of, uint32_t at) {
    for (int steps = 0; steps < 16 && at < g->length; steps++) {
        if (instruction_op(g->code[at]) != OP_JUMP || fixup_of[at] == UINT32_MAX) break;
        at = (uint32_t)g->fixups[fixup_of[at]].label->at;
    }
    return at;
}

static bool is_short(Instruction i) { return opcodes[instruction_op(i)].operands[3] == 'j'; }

static Instruction with_offset(Gen *g, Instruction i, int64_t offset) {
    if (is_short(i)) {
        must(offset >= INT16_MIN && offset <= INT16_MAX);
        return (i & UINT64_C(0x0000FFFFFFFFFFFF)) | (Instruction)(uint16_t)offset << 48;
    }
    if (offset > INT32_MAX || offset < INT32_MIN) compile_error(g->c, "The function is too large", 0);
    return (i & UINT64_C(0xFFFFFFFF)) | (Instruction)(uint32_t)(int32_t)offset << 32;
}

/* New offsets of all instructions when those that are `wide` take three words. */
static void lay_out(const Gen *g, const uint8_t *wide, uint32_t *moved) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->length; i++) {
        moved[i] = at;
        at += wide[i] ? 3 : 1;
    }
    moved[g->length] = at;
}

/* Finds the short jumps that must become detours. */
static void widen(const Gen *g, const uint32_t *target, uint8_t *wide, uint32_t *moved) {
    for (bool again = true; again;) {
        again = false;
        lay_out(g, wide, moved);
        for (uint32_t f = 0; f < g->fixup_count; f++) {
            uint32_t at = g->fixups[f].at;
            int64_t offset = (int64_t)moved[target[f]] - moved[at] - 1;
            if (wide[at] || !is_short(g->code[at]) || offset <= INT16_MAX - 2) continue;
            wide[at] = again = true;
        }
    }
}

/* Resolves all jumps; the code vector's words go to `out`. */
static void resolve(Gen *g, const uint32_t *target, const uint8_t *wide, const uint32_t *moved, Instruction *out) {
    for (uint32_t i = 0; i < g->length; i++) out[moved[i]] = g->code[i];
    for (uint32_t f = 0; f < g->fixup_count; f++) {
        uint32_t at = g->fixups[f].at, to = moved[target[f]], from = moved[at];
        if (wide[at]) {
            out[from] = with_offset(g, g->code[at], 1);
            out[from + 1] = instruction_ad(OP_JUMP, 0, 0, 1);
            out[from + 2] = instruction_ad(OP_JUMP, 0, 0, (int32_t)(to - (from + 3)));
        } else {
            out[from] = with_offset(g, g->code[at], (int64_t)to - from - 1);
        }
    }
    for (uint32_t p = 0; p < g->place_count; p += 2) g->places[p] = moved[g->places[p]];
}

static Obj assemble_code(Gen *g) {
    uint32_t *fixup_of = arena_alloc(g->c, (g->length + 1) * sizeof(uint32_t)), *moved = arena_alloc(g->c, (g->length + 1) * sizeof(uint32_t));
    uint32_t *target = arena_alloc(g->c, (g->fixup_count + 1) * sizeof(uint32_t));
    uint8_t *wide = arena_alloc(g->c, g->length + 1);
    for (uint32_t i = 0; i <= g->length; i++) fixup_of[i] = UINT32_MAX;
    for (uint32_t f = 0; f < g->fixup_count; f++) fixup_of[g->fixups[f].at] = f;
    for (uint32_t f = 0; f < g->fixup_count; f++) {
        must(g->fixups[f].label->at >= 0);
        uint32_t to = (uint32_t)g->fixups[f].label->at;
        target[f] = to > g->fixups[f].at ? threaded(g, fixup_of, to) : to;
    }
    widen(g, target, wide, moved);
    Obj code = alloc_raw(g->c->t, TYPE_CODE, moved[g->length]);
    resolve(g, target, wide, moved, obj_raw(code));
    return code;
}

/* -- The function -- */

static Obj assemble_debug(Gen *g) {
    Thread *t = g->c->t;
    Compiler *c = g->c;
    Obj debug = alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL);
    init_field(debug, DEBUG_NAME, ref(c, g->fn->name));
    init_field(debug, DEBUG_LAMBDA_LIST, ref(c, g->fn->lambda_list));
    init_field(debug, DEBUG_FILE, ref(c, c->file));
    if (g->fn->line) init_field(debug, DEBUG_LINE, obj_of_fix(g->fn->line));
    if (g->place_count) {
        Obj places = alloc_raw(t, TYPE_U32_VECTOR, g->place_count);
        memcpy(obj_raw(places), g->places, g->place_count * sizeof(uint32_t));
        init_field(debug, DEBUG_PLACES, places);
    }
    init_field(debug, DEBUG_DOC, ref(c, g->fn->doc));
    return debug;
}

void assemble(Gen *g) {
    Compiler *c = g->c;
    uint32_t count = g->constant_count ? g->constant_count : 1;
    function_template(c, g->fn);
    Obj code = assemble_code(g);
    Obj debug = assemble_debug(g);
    Obj constants = alloc_boxed(c->t, TYPE_SIMPLE_VECTOR, count, NIL);
    init_field(constants, 0, debug);
    for (uint32_t i = 1; i < count; i++) init_field(constants, i, ref(c, g->constants[i]));
    Obj template = ref(c, g->fn->template);
    init_field(template, FUNCTION_CODE, code);
    init_field(template, FUNCTION_CONSTANTS, constants);
#ifdef WINDFALL_DEBUG
    uint64_t at;
    must(!code_verify(obj_raw(code), obj_length(code), constants, g->fn->free_count, &at));
#endif
}
