/* generate.h: what the files of the generator share.  Not a door.

   A register is free when it is at or above `top`.  A variable or temporary takes the register at `top` and gives it back when its form
   is done, so registers are a stack, and a call, which must build its frame above all that is live, finds its place at `top`.

   Every form is generated for a destination (Dest): where the value goes and what happens next.  Whoever generates for a register that
   nobody reads until the form is done says so (`fresh`): then a call may build its frame there and needs no move.

   Invariants
     generate.last   code for DEST_REG writes the register last, unless `fresh` */
#ifndef GENERATE_H
#define GENERATE_H

#include "compile/compiler.h"

typedef enum DestKind { DEST_EFFECT, DEST_REG, DEST_VALUES, DEST_RETURN, DEST_TEST } DestKind;
typedef enum Next { NEXT_NONE, NEXT_YES, NEXT_NO } Next;

typedef struct Dest {
    uint8_t kind, next; /* next: which of the labels of a test follows at once */
    bool fresh;
    unsigned reg;
    Label *yes, *no;
} Dest;

typedef enum DynamicKind { DYNAMIC_BIND, DYNAMIC_PROGV, DYNAMIC_EXIT } DynamicKind;

/* What is to be undone when control leaves: special bindings and exits of the running function, innermost first. */
typedef struct Dynamic {
    struct Dynamic *up;
    uint8_t kind;
    unsigned n; /* number of bindings, or register */
} Dynamic;

/* Where RETURN-FROM goes. */
typedef struct Target {
    Dest dest;
    Dynamic *dynamic;
    Label *end;
} Target;

typedef struct Fixup {
    uint32_t at;
    Label *label;
} Fixup;

typedef struct Gen {
    Compiler *c;
    Lambda *fn;
    Instruction *code;
    uint32_t length, room;
    Fixup *fixups;
    uint32_t fixup_count, fixup_room;
    uint32_t *places; /* pairs offset, line */
    uint32_t place_count, place_room;
    Ref *constants;
    uint32_t constant_count, constant_room;
    uint32_t *constant_index, constant_index_size; /* hash of constants, made when there are many */
    unsigned top, max;
    Dynamic *dynamic;
    bool reachable;
    int32_t label_at; /* where the last label was placed */
    Label *head;      /* behind the entry: where calls of itself in tail position jump to; NULL if they cannot */
} Gen;

static inline Dest dest_effect(void) { return (Dest){.kind = DEST_EFFECT}; }
static inline Dest dest_reg(unsigned r) { return (Dest){.kind = DEST_REG, .reg = r}; }
static inline Dest dest_fresh(unsigned r) { return (Dest){.kind = DEST_REG, .reg = r, .fresh = true}; }
static inline Dest dest_values(unsigned r) { return (Dest){.kind = DEST_VALUES, .reg = r, .fresh = true}; }
static inline Dest dest_return(void) { return (Dest){.kind = DEST_RETURN}; }
static inline Dest dest_test(Label *yes, Label *no, Next next) { return (Dest){.kind = DEST_TEST, .yes = yes, .no = no, .next = (uint8_t)next}; }

/* assemble.c */
void emit(Gen *g, Instruction i);
void emit_abc(Gen *g, Opcode op, unsigned a, unsigned b, unsigned c);
void emit_ad(Gen *g, Opcode op, unsigned a, int32_t d);
Label *label_new(Gen *g);
void label_place(Gen *g, Label *l);
void emit_jump_to(Gen *g, Instruction i, Label *l); /* the jump offset of `i` will lead to the label */
void jump(Gen *g, Label *l);
unsigned constant_index(Gen *g, Ref r);
unsigned constant_index_of(Gen *g, Obj x);
void place_note(Gen *g, uint32_t line);
void assemble(Gen *g); /* makes the template of g->fn out of it */

/* generate.c */
void gen(Gen *g, Node *n, Dest d);
unsigned gen_operand(Gen *g, Node *n);
void gen_operands(Gen *g, Node *const *kids, uint32_t count, unsigned *regs);
unsigned gen_alloc(Gen *g);
unsigned gen_alloc_many(Gen *g, unsigned n);
unsigned dest_register(Gen *g, Dest d);
unsigned dest_base(Gen *g, Dest d);
bool writes_last(const Node *n);
void finish(Gen *g, Dest d, unsigned reg);
void finish_values(Gen *g, Dest d, unsigned reg);
void finish_test(Gen *g, Dest d, unsigned reg);
Dest dest_inside(Gen *g, Dest d, const Node *body);
void dest_after(Gen *g, Dest d, Dest inner);
void undo(Gen *g, const Dynamic *to);
void emit_check(Gen *g, uint32_t set, Ref specifier, unsigned reg);
void bind_register(Gen *g, Variable *v, unsigned reg);
unsigned variable_raw(Gen *g, Variable *v);
void function_template(Compiler *c, Lambda *fn);
void generate_function(Compiler *c, Lambda *fn);

/* generate-test.c */
bool gen_boolean(Gen *g, Node *n, Dest d); /* N_COMPARE and instructions that test; false if n is neither */
void gen_if(Gen *g, Node *n, Dest d);
void gen_or(Gen *g, Node *n, Dest d);

/* generate-call.c */
void gen_call(Gen *g, Node *n, Dest d);
void gen_call_local(Gen *g, Node *n, Dest d);
void gen_funcall(Gen *g, Node *n, Dest d);
void gen_call_values(Gen *g, Node *n, Dest d);
void gen_values(Gen *g, Node *n, Dest d);
void gen_values_bind(Gen *g, Node *n, Dest d);
void gen_prog1_values(Gen *g, Node *n, Dest d);
void gen_lambda(Gen *g, Node *n, Dest d);
void gen_local_function(Gen *g, Node *n, Dest d);
void gen_functions(Gen *g, Node *n, Dest d);

/* generate-control.c */
void gen_block(Gen *g, Node *n, Dest d);
void gen_return(Gen *g, Node *n);
void gen_tagbody(Gen *g, Node *n, Dest d);
void gen_go(Gen *g, Node *n);
void gen_catch(Gen *g, Node *n, Dest d);
void gen_throw(Gen *g, Node *n);
void gen_unwind(Gen *g, Node *n, Dest d);
void gen_progv(Gen *g, Node *n, Dest d);

#endif
