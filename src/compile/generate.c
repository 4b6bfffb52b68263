/* generate.c: tree to instructions: destinations, variables, simple forms, whole functions.

   Requires the captured tree.  See generate.h for how registers and destinations work; assemble.c makes the code vector.

   A nested function is generated when its form is met.  Its free variables are then places in its own environment; when it is done they
   become again what they were for the function around it. */
#include "compile/generate.h"

/* -- Registers -- */

unsigned gen_alloc_many(Gen *g, unsigned n) {
    unsigned r = g->top;
    g->top += n;
    if (g->top > g->max) g->max = g->top;
    if (g->max > UINT16_MAX - 64) compile_error(g->c, "The function needs too many registers: ~S", 1, ref(g->c, g->fn->name));
    return r;
}
unsigned gen_alloc(Gen *g) { return gen_alloc_many(g, 1); }

/* -- Destinations -- */

/* The register into which an instruction should put the value for `d`. */
unsigned dest_register(Gen *g, Dest d) { return d.kind == DEST_REG || d.kind == DEST_VALUES ? d.reg : gen_alloc(g); }

/* The first of the registers above all that is live, where a call may build its frame. */
unsigned dest_base(Gen *g, Dest d) {
    if ((d.kind == DEST_REG || d.kind == DEST_VALUES) && d.fresh && d.reg + 1 == g->top) return d.reg;
    return gen_alloc(g);
}

void finish_test(Gen *g, Dest d, unsigned reg) {
    if (d.next == NEXT_YES) {
        emit_jump_to(g, instruction_ad(OP_JUMP_NIL, 0, reg, 0), d.no);
        return;
    }
    emit_jump_to(g, instruction_ad(OP_JUMP_TRUE, 0, reg, 0), d.yes);
    if (d.next == NEXT_NONE) jump(g, d.no);
}

/* The one value is in `reg`: sends it where it belongs. */
void finish(Gen *g, Dest d, unsigned reg) {
    switch (d.kind) {
    case DEST_EFFECT: break;
    case DEST_REG: case DEST_VALUES:
        if (reg != d.reg) emit_abc(g, OP_MOVE, d.reg, reg, 0);
        if (d.kind == DEST_VALUES) emit_abc(g, OP_ONE_VALUE, 0, 0, 0);
        break;
    case DEST_RETURN:
        emit_abc(g, OP_RETURN, reg, 0, 0);
        g->reachable = false;
        break;
    default: finish_test(g, d, reg); break;
    }
}

/* The current values, the first in `reg`, are those of the form. */
void finish_values(Gen *g, Dest d, unsigned reg) {
    if (d.kind == DEST_VALUES) {
        if (reg != d.reg) emit_abc(g, OP_MOVE, d.reg, reg, 0);
    } else if (d.kind == DEST_RETURN) {
        emit_abc(g, OP_RETURN_VALUES, reg, 0, 0);
        g->reachable = false;
    } else finish(g, d, reg);
}

/* The destination for a form behind which something must be undone before `d` can be served. */
Dest dest_inside(Gen *g, Dest d, const Node *body) {
    if (d.kind == DEST_TEST) return dest_reg(gen_alloc(g));
    if (d.kind == DEST_RETURN) return node_is_single(body) ? dest_reg(gen_alloc(g)) : dest_values(gen_alloc(g));
    return d;
}

void dest_after(Gen *g, Dest d, Dest inner) {
    if (d.kind != DEST_TEST && d.kind != DEST_RETURN) return;
    if (inner.kind == DEST_VALUES) finish_values(g, d, inner.reg);
    else finish(g, d, inner.reg);
}

/* Emits what undoes the bindings and exits inside of `to`. */
void undo(Gen *g, const Dynamic *to) {
    for (const Dynamic *d = g->dynamic; d != to; d = d->up) {
        if (d->kind == DYNAMIC_BIND) emit_abc(g, OP_UNBIND, d->n, 0, 0);
        else if (d->kind == DYNAMIC_EXIT) emit_abc(g, OP_POP_EXIT, 1, 0, 0);
        else emit_abc(g, OP_UNBIND_TO, d->n, 0, 0);
    }
}

/* -- Variables -- */

/* The predicate that tells whether a value is of the type; PRED_COUNT if there is none. */
static Predicate check_predicate(const Gen *g, uint32_t set, Ref specifier) {
    static const struct {
        uint32_t set;
        Predicate predicate;
    } rows[] = {{TS_FIXNUM, PRED_FIXNUM}, {TS_DOUBLE, PRED_DOUBLE}, {TS_SINGLE, PRED_SINGLE}, {TS_DOUBLE_VECTOR, PRED_DOUBLE_VECTOR},
                {TS_SINGLE_VECTOR, PRED_SINGLE_VECTOR}, {TS_INTEGER, PRED_INTEGER}, {TS_RATIONAL, PRED_RATIONAL}, {TS_FLOAT, PRED_FLOAT},
                {TS_REAL, PRED_REAL}, {TS_NUMBER, PRED_NUMBER}, {TS_LIST, PRED_LIST}, {TS_CONS, PRED_CONS}, {TS_NULL, PRED_NULL},
                {TS_SYMBOL | TS_NULL, PRED_SYMBOL}, {TS_CHARACTER, PRED_CHARACTER}, {TS_FUNCTION, PRED_FUNCTION}, {TS_STRING, PRED_SIMPLE_STRING},
                {TS_SIMPLE_VECTOR, PRED_SIMPLE_VECTOR}, {TS_BIT_VECTOR, PRED_SIMPLE_BIT_VECTOR}};
    static const struct {
        uint32_t symbol;
        Predicate predicate;
    } names[] = {{S_STRING, PRED_STRING}, {S_VECTOR, PRED_VECTOR}, {S_ARRAY, PRED_ARRAY}, {S_BIT_VECTOR, PRED_BIT_VECTOR},
                 {S_HASH_TABLE, PRED_HASH_TABLE}, {S_PACKAGE, PRED_PACKAGE}, {S_KEYWORD, PRED_KEYWORD}};
    Obj name = ref(g->c, specifier);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (eq(name, (Obj){(STATIC_SYMBOLS + SYMBOL_BYTES * (uint64_t)names[i].symbol) | TAG_OBJ})) return names[i].predicate;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].set == set) return rows[i].predicate;
    return PRED_COUNT;
}

/* Verifies that the value in the register is of the type, if one predicate can tell. */
void emit_check(Gen *g, uint32_t set, Ref specifier, unsigned reg) {
    Predicate p = check_predicate(g, set, specifier);
    if (p != PRED_COUNT) emit(g, instruction_abc(OP_CHECK, p, reg, constant_index(g, specifier), 0));
}

/* The variable's value is in the register: that is where it lives now. */
void bind_register(Gen *g, Variable *v, unsigned reg) {
    v->place = PLACE_REGISTER;
    v->index = reg;
    if (v->check) emit_check(g, v->declared, v->declared_type, reg);
    if (variable_boxed(v)) emit_abc(g, OP_CELL, reg, reg, 0);
}

/* A register with what closures copy: the value, or the cell of a boxed variable. */
unsigned variable_raw(Gen *g, Variable *v) {
    if (v->place == PLACE_REGISTER) return v->index;
    must(v->place == PLACE_ENV);
    unsigned r = gen_alloc(g);
    emit_abc(g, OP_ENV, r, v->index, 0);
    return r;
}

static void gen_local(Gen *g, Node *n, Dest d) {
    Variable *v = n->var;
    must(v->place != PLACE_NONE);
    if (d.kind == DEST_EFFECT) return;
    bool boxed = variable_boxed(v);
    if (v->place == PLACE_REGISTER && !boxed) {
        finish(g, d, v->index);
        return;
    }
    unsigned saved = g->top, r = dest_register(g, d);
    Opcode op = v->place == PLACE_REGISTER ? OP_CELL_REF : boxed ? OP_ENV_CELL_REF : OP_ENV;
    emit_abc(g, op, r, v->index, 0);
    g->top = saved;
    finish(g, d, r);
}

/* Whether code for DEST_REG writes the register in its last instruction, so that the register may be a variable of the form. */
bool writes_last(const Node *n) {
    switch (n->kind) {
    case N_CONST: case N_NO_ARG: case N_LOCAL: case N_SPECIAL: case N_GLOBAL_FUNCTION: case N_PRIM: case N_CALL: case N_FUNCALL: case N_APPLY:
    case N_LAMBDA: case N_LOCAL_FUNCTION: case N_COMPARE: return true;
    case N_CALL_LOCAL: return n->fn->mode == FUNCTION_CLOSED;
    case N_IF: return writes_last(n->kids[1]) && writes_last(n->kids[2]);
    case N_PROGN: case N_LET: case N_VALUES_BIND: case N_THE: return writes_last(n->kids[n->count - 1]);
    default: return false;
    }
}

static void gen_set(Gen *g, Node *n, Dest d) {
    Variable *v = n->var;
    unsigned saved = g->top, r;
    uint32_t type = n->kids[0]->type;
    bool check = (type & ~v->declared) && (v->check_sets || (v->check_sets_too && !infer_is_computed(type, v->declared)));
    if (v->place == PLACE_REGISTER && !variable_boxed(v)) {
        if (writes_last(n->kids[0]) && !check) gen(g, n->kids[0], dest_reg(v->index));
        else {
            r = gen_operand(g, n->kids[0]);
            if (check) emit_check(g, v->declared, v->declared_type, r);
            if (r != v->index) emit_abc(g, OP_MOVE, v->index, r, 0);
        }
        r = v->index;
    } else {
        r = gen_operand(g, n->kids[0]);
        if (check) emit_check(g, v->declared, v->declared_type, r);
        if (v->place == PLACE_REGISTER) emit_abc(g, OP_CELL_SET, v->index, r, 0);
        else emit_abc(g, OP_ENV_CELL_SET, r, v->index, 0);
    }
    g->top = saved;
    finish(g, d, r);
}

/* An optional parameter that holds NO_ARG gets its default. */
static void gen_default(Gen *g, Node *n) {
    Variable *v = n->var;
    unsigned saved = g->top;
    Label *given = label_new(g);
    emit_jump_to(g, instruction_ad(OP_JUMP_ARG, 0, v->index, 0), given);
    gen(g, n->kids[0], dest_reg(v->index));
    label_place(g, given);
    if (v->check) emit_check(g, v->declared, v->declared_type, v->index);
    if (variable_boxed(v)) emit_abc(g, OP_CELL, v->index, v->index, 0);
    g->top = saved;
}

static void gen_supplied(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r = gen_alloc(g);
    Label *given = label_new(g);
    emit_abc(g, OP_TRUE, r, 0, 0);
    emit_jump_to(g, instruction_ad(OP_JUMP_ARG, 0, n->var->index, 0), given);
    emit_abc(g, OP_NIL, r, 0, 0);
    label_place(g, given);
    g->top = saved;
    finish(g, d, r);
}

/* Whether a THE form that nothing relies upon is verified: where that is one instruction and loses neither values nor a tail call. */
static bool verifies(const Gen *g, const Node *n, Dest d) {
    uint32_t type = n->kids[0]->type, set = (uint32_t)n->imm;
    if (!(n->flags & NODE_VERIFY) || !(type & ~set) || infer_is_computed(type, set) || d.kind == DEST_EFFECT) return false;
    if ((d.kind == DEST_RETURN || d.kind == DEST_VALUES) && !node_is_single(n->kids[0])) return false;
    return check_predicate(g, set, n->ref) != PRED_COUNT;
}

/* A THE form; verified in any case if a typed instruction relies on it. */
static void gen_the(Gen *g, Node *n, Dest d) {
    if (!(n->flags & NODE_CHECK) && !verifies(g, n, d)) {
        gen(g, n->kids[0], d);
        return;
    }
    unsigned saved = g->top, r = gen_operand(g, n->kids[0]);
    emit_check(g, (uint32_t)n->imm, n->ref, r);
    g->top = saved;
    finish(g, d, r);
}

/* -- Constants, specials -- */

static void emit_constant(Gen *g, Ref r, unsigned reg) {
    Obj x = ref(g->c, r);
    if (is_nil(x)) emit_abc(g, OP_NIL, reg, 0, 0);
    else if (eq(x, T_)) emit_abc(g, OP_TRUE, reg, 0, 0);
    else if (is_fix(x) && fix_of_obj(x) >= INT32_MIN && fix_of_obj(x) <= INT32_MAX) emit_ad(g, OP_FIX, reg, (int32_t)fix_of_obj(x));
    else emit_ad(g, OP_CONST, reg, (int32_t)constant_index(g, r));
}

static void gen_const(Gen *g, Node *n, Dest d) {
    if (d.kind == DEST_EFFECT) return;
    if (d.kind == DEST_TEST) {
        bool yes = n->kind == N_NO_ARG || !is_nil(ref(g->c, n->ref));
        if (d.next != (yes ? NEXT_YES : NEXT_NO)) jump(g, yes ? d.yes : d.no);
        return;
    }
    unsigned saved = g->top, r = dest_register(g, d);
    if (n->kind == N_NO_ARG) emit_abc(g, OP_NO_ARG, r, 0, 0);
    else emit_constant(g, n->ref, r);
    g->top = saved;
    finish(g, d, r);
}

/* An instruction with a destination and one constant: a special variable or a global function. */
static void gen_cell(Gen *g, Node *n, Dest d, Opcode op) {
    unsigned saved = g->top, r = dest_register(g, d);
    if (op == OP_FUNCTION_REF) compile_note_call(g->c, n->ref, n->line ? n->line : g->fn->line);
    Ref cell = op == OP_FUNCTION_REF ? ref_new(g->c, function_name_cell(g->c->t, ref(g->c, n->ref))) : n->ref;
    emit_abc(g, op, r, constant_index(g, cell), 0);
    g->top = saved;
    finish(g, d, r);
}

static void gen_set_special(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r = gen_operand(g, n->kids[0]);
    emit_abc(g, OP_SYMBOL_SET, r, constant_index(g, n->ref), 0);
    g->top = saved;
    finish(g, d, r);
}

/* -- Operands and instructions -- */

/* A register that holds the value: the variable's own or a new one. */
unsigned gen_operand(Gen *g, Node *n) {
    if (n->kind == N_LOCAL && n->var->place == PLACE_REGISTER && !variable_boxed(n->var)) return n->var->index;
    unsigned r = gen_alloc(g);
    gen(g, n, dest_fresh(r));
    return r;
}

/* Registers with the values of all the nodes.  A variable that a later operand may assign is copied. */
void gen_operands(Gen *g, Node *const *kids, uint32_t count, unsigned *regs) {
    for (uint32_t i = 0; i < count; i++) {
        bool copy = false;
        if (kids[i]->kind == N_LOCAL && kids[i]->var->sets)
            for (uint32_t j = i + 1; j < count; j++) copy |= kids[j]->flags & NODE_SETS;
        if (copy) {
            regs[i] = gen_alloc(g);
            gen(g, kids[i], dest_fresh(regs[i]));
        } else regs[i] = gen_operand(g, kids[i]);
    }
}

/* LIST, LIST_STAR: operands in succession, the result in the place of the first. */
static void gen_run(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, base = dest_base(g, d);
    for (uint32_t i = 0; i < n->count; i++) {
        unsigned r = i ? gen_alloc(g) : base;
        gen(g, n->kids[i], dest_fresh(r));
    }
    emit_abc(g, (Opcode)n->op, base, n->count, 0);
    g->top = saved;
    finish(g, d, base);
}

/* The value of one of the letters B and C of an instruction. */
static unsigned field(Gen *g, const Node *n, char letter, const unsigned *regs, unsigned *next) {
    switch (letter) {
    case 's': return regs[(*next)++];
    case 'i': case 'c': return (unsigned)n->imm;
    case 'k': return constant_index(g, n->ref);
    default: return 0;
    }
}

static void gen_prim(Gen *g, Node *n, Dest d) {
    const char *letters = opcodes[n->op].operands;
    if (letters[1] == 'f') {
        gen_run(g, n, d);
        return;
    }
    unsigned saved = g->top, regs[4] = {0, 0, 0, 0}, next = 0;
    if (d.kind == DEST_EFFECT && node_is_pure(n)) {
        for (uint32_t i = 0; i < n->count; i++) gen(g, n->kids[i], d);
        return;
    }
    must(n->count <= COUNT_OF(regs));
    gen_operands(g, n->kids, n->count, regs);
    unsigned value = letters[1] == 'd' ? dest_register(g, d) : regs[n->imm];
    unsigned a = letters[1] == 'd' ? value : field(g, n, letters[1], regs, &next);
    unsigned b = field(g, n, letters[2], regs, &next);
    unsigned c = field(g, n, letters[3], regs, &next);
    place_note(g, n->line);
    emit(g, instruction_abc((Opcode)n->op, n->pred, a, b, c));
    g->top = saved;
    finish(g, d, value);
}

/* -- Sequences and bindings -- */

static void gen_progn(Gen *g, Node *n, Dest d) {
    for (uint32_t i = 0; i + 1 < n->count; i++) gen(g, n->kids[i], dest_effect());
    gen(g, n->kids[n->count - 1], d);
}

/* Computes the initial values; special variables get a register to wait in.  Returns how many are special. */
static unsigned gen_inits(Gen *g, Node *n, unsigned *waiting) {
    unsigned specials = 0;
    for (uint32_t i = 0; i < n->var_count; i++) {
        Variable *v = n->vars[i];
        if (v->special) {
            specials++;
            if (n->var_count == 1) {
                waiting[i] = gen_operand(g, n->kids[i]);
                continue;
            }
        } else if (!v->refs && !v->sets) {
            gen(g, n->kids[i], dest_effect());
            v->place = PLACE_REGISTER;
            v->index = 0;
            continue;
        }
        unsigned r = gen_alloc(g);
        gen(g, n->kids[i], dest_fresh(r));
        waiting[i] = r;
        if (v->special) continue;
        v->place = PLACE_REGISTER;
        v->index = r;
        if (n->kids[i]->kind != N_NO_ARG) bind_register(g, v, r);
    }
    return specials;
}

static void gen_let(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    unsigned *waiting = arena_alloc(g->c, (n->var_count + 1) * sizeof(unsigned));
    unsigned specials = gen_inits(g, n, waiting);
    if (specials == 0) {
        gen(g, n->kids[n->var_count], d);
        g->top = saved;
        return;
    }
    for (uint32_t i = 0; i < n->var_count; i++)
        if (n->vars[i]->special) emit_abc(g, OP_BIND, waiting[i], constant_index(g, n->vars[i]->name), 0);
    Dynamic *dynamic = arena_alloc(g->c, sizeof *dynamic);
    *dynamic = (Dynamic){g->dynamic, DYNAMIC_BIND, specials};
    g->dynamic = dynamic;
    Dest inner = dest_inside(g, d, n->kids[n->var_count]);
    gen(g, n->kids[n->var_count], inner);
    undo(g, dynamic->up);
    g->dynamic = dynamic->up;
    dest_after(g, d, inner);
    g->top = saved;
}

/* -- All kinds -- */

void gen(Gen *g, Node *n, Dest d) {
    switch (n->kind) {
    case N_CONST: case N_NO_ARG: gen_const(g, n, d); break;
    case N_LOCAL: gen_local(g, n, d); break;
    case N_SET: gen_set(g, n, d); break;
    case N_SPECIAL: gen_cell(g, n, d, OP_SYMBOL_REF); break;
    case N_SET_SPECIAL: gen_set_special(g, n, d); break;
    case N_GLOBAL_FUNCTION: gen_cell(g, n, d, OP_FUNCTION_REF); break;
    case N_LAMBDA: gen_lambda(g, n, d); break;
    case N_LOCAL_FUNCTION: gen_local_function(g, n, d); break;
    case N_IF: gen_if(g, n, d); break;
    case N_OR: gen_or(g, n, d); break;
    case N_PROGN: gen_progn(g, n, d); break;
    case N_LET: gen_let(g, n, d); break;
    case N_VALUES_BIND: gen_values_bind(g, n, d); break;
    case N_FUNCTIONS: gen_functions(g, n, d); break;
    case N_CALL: gen_call(g, n, d); break;
    case N_CALL_LOCAL: gen_call_local(g, n, d); break;
    case N_FUNCALL: case N_APPLY: gen_funcall(g, n, d); break;
    case N_BLOCK: gen_block(g, n, d); break;
    case N_RETURN: gen_return(g, n); break;
    case N_TAGBODY: gen_tagbody(g, n, d); break;
    case N_GO: gen_go(g, n); break;
    case N_CATCH: gen_catch(g, n, d); break;
    case N_THROW: gen_throw(g, n); break;
    case N_UNWIND: gen_unwind(g, n, d); break;
    case N_PROGV: gen_progv(g, n, d); break;
    case N_CALL_VALUES: gen_call_values(g, n, d); break;
    case N_PROG1_VALUES: gen_prog1_values(g, n, d); break;
    case N_VALUES: gen_values(g, n, d); break;
    case N_PRIM:
        if (d.kind != DEST_TEST || !gen_boolean(g, n, d)) gen_prim(g, n, d);
        break;
    case N_COMPARE: gen_boolean(g, n, d); break;
    case N_THE: gen_the(g, n, d); break;
    case N_DEFAULT:
        gen_default(g, n);
        must(d.kind == DEST_EFFECT);
        break;
    case N_SUPPLIED: gen_supplied(g, n, d); break;
    default: must(false);
    }
}

/* -- Functions -- */

/* Makes the FUNCTION object that will hold the code, so that it can be a constant before the code is there. */
void function_template(Compiler *c, Lambda *fn) {
    if (!fn->template.i) fn->template = ref_new(c, alloc_boxed(c->t, TYPE_FUNCTION, FUNCTION_ENV, NIL));
}

/* ENTRY, REST, KEYS; parameters in their registers. */
static void gen_entry(Gen *g) {
    Lambda *fn = g->fn;
    unsigned positional = fn->required + fn->optional;
    emit(g, instruction_abc(OP_ENTRY, fn->rest || fn->key, 0, fn->required, positional));
    gen_alloc_many(g, fn->param_count ? fn->param_count : 1);
    if (fn->rest && (fn->params[positional]->refs || fn->params[positional]->sets)) emit_abc(g, OP_REST, positional, 0, 0);
    if (fn->key) {
        Obj keys = alloc_boxed(g->c->t, TYPE_SIMPLE_VECTOR, fn->key_count + 1, NIL);
        init_field(keys, 0, obj_of_bool(fn->allow_other_keys));
        for (uint32_t i = 0; i < fn->key_count; i++) init_field(keys, i + 1, ref(g->c, ref_at(fn->keywords, i)));
        unsigned first = positional + fn->rest;
        emit_abc(g, OP_KEYS, first < g->top ? first : 0, constant_index_of(g, keys), 0);
    }
    if (fn->required == fn->param_count) {
        g->head = label_new(g);
        label_place(g, g->head);
    }
    for (unsigned i = 0; i < fn->param_count; i++) {
        bool has_default = i != positional || !fn->rest;
        if (i < fn->required || !has_default) bind_register(g, fn->params[i], i);
        fn->params[i]->place = PLACE_REGISTER;
        fn->params[i]->index = i;
    }
}

/* Generates the code of a function; its template is complete afterwards. */
void generate_function(Compiler *c, Lambda *fn) {
    Gen g = {.c = c, .fn = fn, .reachable = true, .label_at = -1};
    Variable **free = fn->free;
    Variable *saved = arena_alloc(c, (fn->free_count + 1) * sizeof(Variable));
    for (uint32_t i = 0; i < fn->free_count; i++) {
        saved[i] = *free[i];
        free[i]->place = PLACE_ENV;
        free[i]->index = i;
    }
    gen_entry(&g);
    gen(&g, fn->body, dest_return());
    if (g.reachable) emit_abc(&g, OP_RETURN, 0, 0, 0);
    g.code[0] |= (Instruction)(g.max & 0xFFFF) << 16;
    assemble(&g);
    for (uint32_t i = 0; i < fn->free_count; i++) {
        free[i]->place = saved[i].place;
        free[i]->index = saved[i].index;
    }
}

Obj generate(Compiler *c, Lambda *top) {
    generate_function(c, top);
    return ref(c, top->template);
}
