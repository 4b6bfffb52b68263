/* objects.c: layouts, structures, instances, funcallable instances: the leaves under DEFSTRUCT and CLOS.

   A LAYOUT says how the objects of one class lie in memory and where in the tree of structure types it stands.  A structure holds its fields
   itself and never changes its layout.  An instance is a pair of words: layout and a simple-vector of slots; CHANGE-CLASS and the
   updating of obsolete instances replace both, so an instance keeps its identity.  A funcallable instance has these two words too, and what
   DISPATCH needs (code/code.h).

   For classes with slots in instances only, LAYOUT_SLOTS is a simple-vector of the slots' names in the order of the slot vector, so that
   %SLOT-REF and %SLOT-SET find a slot by name without Lisp's help.  Whatever they do not know (an obsolete instance, a shared or missing
   or unbound slot, another object) they leave to Lisp: they return the UNBOUND marker or NIL.

   Policy (classes, precedence, methods) is in lisp/objects*.lisp. */
#include "run/dispatch.h"
#include "run/run.h"

/* -- Argument checks -- */

static void check_type(Thread *t, Obj x, Type type, Obj expected) {
    if (!has_type(x, type)) signal_type_error(t, x, expected);
}

static Obj check_layout(Thread *t, Obj x) {
    check_type(t, x, TYPE_LAYOUT, SYM(LAYOUT));
    return x;
}

/* The index `i` as a number below `limit`. */
static uint64_t check_index(Thread *t, Obj i, uint64_t limit) {
    if (!is_fix(i) || fix_of_obj(i) < 0 || (uint64_t)fix_of_obj(i) >= limit) signal_index_error(t, i, limit);
    return (uint64_t)fix_of_obj(i);
}

static uint64_t check_count(Thread *t, Obj n) {
    if (!is_fix(n) || fix_of_obj(n) < 0) signal_type_error(t, n, SYM(FIXNUM));
    return (uint64_t)fix_of_obj(n);
}

/* Where layout and slots of an instance or funcallable instance lie (two words, layout first); NULL for anything else. */
static Obj *instance_place(Obj x) {
    if (!is_obj(x)) return NULL;
    if (obj_type(x) == TYPE_INSTANCE) return obj_slots(x) + INSTANCE_LAYOUT;
    if (obj_type(x) == TYPE_FUNCALLABLE) return obj_slots(x) + FUNCALLABLE_LAYOUT;
    return NULL;
}

static Obj *check_instance(Thread *t, Obj x) {
    Obj *place = instance_place(x);
    if (!place) signal_type_error(t, x, SYM(STANDARD_OBJECT));
    return place;
}

/* -- Layouts -- */

/* A number that spreads well over small tables, the same in every run for the same order of definitions. */
static Obj layout_next_hash(Thread *t) {
    uint64_t n = ++t->world->layout_count;
    return obj_of_fix((int64_t)((n * UINT64_C(0x9E3779B97F4A7C15)) >> 20));
}

BUILTIN(make_layout, "%MAKE-LAYOUT", 5, 5, "name parent slot-count slots info",
        "A new LAYOUT, one below `parent` in the tree of layouts, or a root when that is NIL.  CLASS is NIL at first.") {
    Obj parent = args[1];
    uint64_t depth = is_nil(parent) ? 0 : (uint64_t)fix_of_obj(obj_slots(check_layout(t, parent))[LAYOUT_DEPTH]) + 1;
    check_count(t, args[2]);
    Obj ancestors = alloc_boxed(t, TYPE_SIMPLE_VECTOR, depth + 1, NIL);
    Obj layout = alloc_boxed(t, TYPE_LAYOUT, LAYOUT_LENGTH, NIL);
    for (uint64_t i = 0; i < depth; i++) init_field(ancestors, i, obj_slots(obj_slots(parent)[LAYOUT_ANCESTORS])[i]);
    init_field(ancestors, depth, layout);
    init_field(layout, LAYOUT_NAME, args[0]);
    init_field(layout, LAYOUT_DEPTH, obj_of_fix((int64_t)depth));
    init_field(layout, LAYOUT_ANCESTORS, ancestors);
    init_field(layout, LAYOUT_SLOT_COUNT, args[2]);
    init_field(layout, LAYOUT_SLOTS, args[3]);
    init_field(layout, LAYOUT_INFO, args[4]);
    init_field(layout, LAYOUT_HASH, layout_next_hash(t));
    init_field(layout, LAYOUT_VALID, T_);
    return layout;
}

BUILTIN(layout_p, "%LAYOUTP", 1, 1, "object", "True if the object is a LAYOUT.") { return obj_of_bool(has_type(args[0], TYPE_LAYOUT)); }

BUILTIN(layout_ref, "%LAYOUT-REF", 2, 2, "layout index",
        "Field of a layout: 0 name, 1 class, 2 depth, 3 ancestors, 4 slot count, 5 slots, 6 info, 7 hash, 8 valid.") {
    check_layout(t, args[0]);
    return obj_slots(args[0])[check_index(t, args[1], LAYOUT_LENGTH)];
}

BUILTIN(layout_set, "%LAYOUT-SET", 3, 3, "layout index value", "Stores into a field of a layout and returns the value.") {
    check_layout(t, args[0]);
    set_field(t, args[0], check_index(t, args[1], LAYOUT_LENGTH), args[2]);
    return args[2];
}

BUILTIN(layout_of, "%LAYOUT-OF", 1, 1, "object", "The layout of a structure, an instance or a funcallable instance, valid or not; otherwise NIL.") {
    if (has_type(args[0], TYPE_STRUCTURE)) return obj_slots(args[0])[STRUCTURE_LAYOUT];
    Obj *place = instance_place(args[0]);
    return place ? place[0] : NIL;
}

/* -- Keys of dispatch -- */

BUILTIN(class_key, "%CLASS-KEY", 1, 1, "object",
        "The object's key in dispatch caches: the layout of its class, or a marker when the object is an obsolete instance.") {
    return class_key(t, args[0]);
}

BUILTIN(class_of, "%CLASS-OF", 1, 1, "object", "The object's class if its layout is up to date and knows it, else NIL.") {
    Obj key = class_key(t, args[0]);
    return has_type(key, TYPE_LAYOUT) ? obj_slots(key)[LAYOUT_CLASS] : NIL;
}

BUILTIN(slot_access, "%SLOT-ACCESS", 2, 2, "index writes-p", "What stands for an accessor of slot number `index` in a dispatch cache.") {
    return slot_access_make(check_count(t, args[0]), !is_nil(args[1]));
}

BUILTIN(class_code, "%CLASS-CODE", 1, 1, "object", "The class code of the object: its index in the table of built-in classes.") {
    return obj_of_fix((int64_t)class_code(args[0]));
}

BUILTIN(class_code_name, "%CLASS-CODE-NAME", 1, 1, "code", "The name that goes with a class code, a string; NIL when the code is past the last.") {
    uint64_t code = check_count(t, args[0]);
    return code < CLASS_CODE_COUNT ? alloc_text(t, class_code_name((unsigned)code)) : NIL;
}

BUILTIN(set_builtin_layout, "%SET-BUILTIN-LAYOUT", 2, 2, "code layout", "Makes `layout` the dispatch key of objects with this class code.") {
    uint64_t code = check_index(t, args[0], CLASS_CODE_COUNT);
    check_layout(t, args[1]);
    if (!is_obj(t->world->class_keys)) t->world->class_keys = alloc_boxed(t, TYPE_SIMPLE_VECTOR, CLASS_CODE_COUNT, NIL);
    set_field(t, t->world->class_keys, code, args[1]);
    return args[1];
}

/* -- Structures -- */

BUILTIN(make_structure, "%MAKE-STRUCTURE", 1, ARGS_ANY, "layout &rest fields", "A structure of this layout with these fields.") {
    check_layout(t, args[0]);
    Obj s = alloc_boxed(t, TYPE_STRUCTURE, n, NIL);
    for (uint32_t i = 0; i < n; i++) init_field(s, i, args[i]);
    return s;
}

BUILTIN(copy_structure, "%COPY-STRUCTURE", 1, 1, "structure", "A structure of the same layout with the same fields.") {
    check_type(t, args[0], TYPE_STRUCTURE, SYM(STRUCTURE_OBJECT));
    uint64_t length = obj_length(args[0]);
    Obj copy = alloc_boxed(t, TYPE_STRUCTURE, length, NIL);
    for (uint64_t i = 0; i < length; i++) init_field(copy, i, obj_slots(args[0])[i]);
    return copy;
}

BUILTIN(structure_ref, "%STRUCTURE-REF", 2, 2, "structure index", "Word number `index` of a structure: 0 is the layout, the fields follow.") {
    check_type(t, args[0], TYPE_STRUCTURE, SYM(STRUCTURE_OBJECT));
    return obj_slots(args[0])[check_index(t, args[1], obj_length(args[0]))];
}

BUILTIN(structure_set, "%STRUCTURE-SET", 3, 3, "structure index value", "Stores into a field of a structure, the first being number 1, and returns the value.") {
    check_type(t, args[0], TYPE_STRUCTURE, SYM(STRUCTURE_OBJECT));
    uint64_t index = check_index(t, args[1], obj_length(args[0]));
    if (index < STRUCTURE_FIELDS) signal_index_error(t, args[1], obj_length(args[0]));
    set_field(t, args[0], index, args[2]);
    return args[2];
}

BUILTIN(structure_p, "%STRUCTURE-P", 2, 2, "object layout", "True if the object is a structure of this layout or of one below it.") {
    check_layout(t, args[1]);
    if (!has_type(args[0], TYPE_STRUCTURE)) return NIL;
    Obj layout = obj_slots(args[0])[STRUCTURE_LAYOUT];
    int64_t depth = fix_of_obj(obj_slots(args[1])[LAYOUT_DEPTH]);
    if (fix_of_obj(obj_slots(layout)[LAYOUT_DEPTH]) < depth) return NIL;
    return obj_of_bool(eq(obj_slots(obj_slots(layout)[LAYOUT_ANCESTORS])[depth], args[1]));
}

BUILTIN(structure_length, "%STRUCTURE-LENGTH", 1, 1, "structure", "Number of a structure's fields.") {
    check_type(t, args[0], TYPE_STRUCTURE, SYM(STRUCTURE_OBJECT));
    return obj_of_fix((int64_t)obj_length(args[0]) - STRUCTURE_FIELDS);
}

/* -- Instances -- */

static Obj instance_make(Thread *t, Obj layout, Obj slots) {
    Obj x = alloc_boxed(t, TYPE_INSTANCE, 2, NIL);
    init_field(x, INSTANCE_LAYOUT, layout);
    init_field(x, INSTANCE_SLOTS, slots);
    return x;
}

BUILTIN(make_instance_raw, "%MAKE-INSTANCE-RAW", 2, 2, "layout slots", "An instance of this layout over this simple-vector of slots.") {
    check_layout(t, args[0]);
    check_type(t, args[1], TYPE_SIMPLE_VECTOR, SYM(SIMPLE_VECTOR));
    return instance_make(t, args[0], args[1]);
}

BUILTIN(allocate_instance, "%ALLOCATE-INSTANCE", 1, 1, "layout", "An instance of this layout, all its slots unbound.") {
    uint64_t count = (uint64_t)fix_of_obj(obj_slots(check_layout(t, args[0]))[LAYOUT_SLOT_COUNT]);
    return instance_make(t, args[0], alloc_boxed(t, TYPE_SIMPLE_VECTOR, count, UNBOUND));
}

BUILTIN(make_slots, "%MAKE-SLOTS", 1, 1, "count", "A simple-vector of `count` unbound slots.") {
    return alloc_boxed(t, TYPE_SIMPLE_VECTOR, check_count(t, args[0]), UNBOUND);
}

BUILTIN(instance_p, "%INSTANCE-P", 1, 1, "object", "True of instances and funcallable instances.") { return obj_of_bool(instance_place(args[0]) != NULL); }

BUILTIN(instance_layout, "%INSTANCE-LAYOUT", 1, 1, "instance", "The layout of an instance or funcallable instance.") { return check_instance(t, args[0])[0]; }

BUILTIN(instance_slots, "%INSTANCE-SLOTS", 1, 1, "instance", "The slot vector of an instance or funcallable instance.") { return check_instance(t, args[0])[1]; }

BUILTIN(set_instance_layout, "%SET-INSTANCE-LAYOUT", 3, 3, "instance layout slots", "Makes the instance one of this layout, over this slot vector; returns the instance.") {
    Obj *place = check_instance(t, args[0]);
    check_layout(t, args[1]);
    check_type(t, args[2], TYPE_SIMPLE_VECTOR, SYM(SIMPLE_VECTOR));
    set_slot(t, place, args[1]);
    set_slot(t, place + 1, args[2]);
    return args[0];
}

BUILTIN(instance_ref, "%INSTANCE-REF", 2, 2, "instance index", "Slot number `index` of an instance; the unbound marker if it has no value.") {
    Obj slots = check_instance(t, args[0])[1];
    return obj_slots(slots)[check_index(t, args[1], obj_length(slots))];
}

BUILTIN(instance_set, "%INSTANCE-SET", 3, 3, "instance index value", "Stores into slot number `index` of an instance and returns the value.") {
    Obj slots = check_instance(t, args[0])[1];
    set_field(t, slots, check_index(t, args[1], obj_length(slots)), args[2]);
    return args[2];
}

BUILTIN(unbound, "%UNBOUND", 0, 0, "", "The unbound marker: what a slot without a value holds.") { return UNBOUND; }

BUILTIN(unbound_p, "%UNBOUNDP", 1, 1, "object", "True of the unbound marker.") { return obj_of_bool(eq(args[0], UNBOUND)); }

/* The place of the slot called `name` in an up-to-date instance whose class keeps its slots in the plain way; otherwise NULL. */
static Obj *instance_find_slot(Obj x, Obj name) {
    Obj *place = instance_place(x);
    if (!place || !layout_is_valid(place[0])) return NULL;
    Obj names = obj_slots(place[0])[LAYOUT_SLOTS];
    if (!has_type(names, TYPE_SIMPLE_VECTOR)) return NULL;
    uint64_t count = obj_length(names);
    for (uint64_t i = 0; i < count; i++)
        if (eq(obj_slots(names)[i], name)) return &obj_slots(place[1])[i];
    return NULL;
}

BUILTIN(slot_ref, "%SLOT-REF", 2, 2, "object name", "Value of the slot of this name, or the unbound marker when there is no such plain, bound slot.") {
    Obj *slot = instance_find_slot(args[0], args[1]);
    return slot ? *slot : UNBOUND;
}

BUILTIN(slot_set, "%SLOT-SET", 3, 3, "object name value", "Stores into the plain slot of this name; NIL, and nothing done, when there is none.") {
    Obj *slot = instance_find_slot(args[0], args[1]);
    if (!slot) return NIL;
    set_slot(t, slot, args[2]);
    return T_;
}

/* -- Funcallable instances -- */

static Obj check_funcallable(Thread *t, Obj x) {
    check_type(t, x, TYPE_FUNCALLABLE, SYM(FUNCALLABLE_STANDARD_OBJECT));
    return x;
}

BUILTIN(make_funcallable, "%MAKE-FUNCALLABLE", 2, 3, "layout slots &optional name",
        "A funcallable instance with an empty cache; until it gets one its discriminator is NIL.") {
    check_layout(t, args[0]);
    check_type(t, args[1], TYPE_SIMPLE_VECTOR, SYM(SIMPLE_VECTOR));
    Obj code = funcallable_code(t);
    Obj debug = alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL);
    init_field(debug, DEBUG_NAME, ARG(2, NIL));
    Obj constants = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1, debug);
    Obj cache = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1, obj_of_fix(1));
    Obj x = alloc_boxed(t, TYPE_FUNCALLABLE, FUNCALLABLE_LENGTH, NIL);
    init_field(x, FUNCALLABLE_CODE, code);
    init_field(x, FUNCALLABLE_CONSTANTS, constants);
    init_field(x, FUNCALLABLE_LAYOUT, args[0]);
    init_field(x, FUNCALLABLE_SLOTS, args[1]);
    init_field(x, FUNCALLABLE_CACHE, cache);
    Obj all = symbol_slots(SYM(FUNCALLABLES))[SYMBOL_VALUE];
    Obj list = alloc_cons(t, weak_pointer_make(t, x), is_cons(all) ? all : NIL);
    set_symbol(t, SYM(FUNCALLABLES), SYMBOL_VALUE, list);
    return x;
}

BUILTIN(funcallable_p, "%FUNCALLABLE-P", 1, 1, "object", "True of funcallable instances.") { return obj_of_bool(has_type(args[0], TYPE_FUNCALLABLE)); }

BUILTIN(set_funcallable_name, "%SET-FUNCALLABLE-NAME", 3, 3, "funcallable name lambda-list",
        "Sets the name and lambda list that backtraces and FUNCTION-LAMBDA-EXPRESSION show; returns the funcallable instance.") {
    Obj constants = obj_slots(check_funcallable(t, args[0]))[FUNCALLABLE_CONSTANTS];
    Obj debug = obj_slots(constants)[0];
    set_field(t, debug, DEBUG_NAME, args[1]);
    set_field(t, debug, DEBUG_LAMBDA_LIST, args[2]);
    return args[0];
}

BUILTIN(funcallable_cache, "%FUNCALLABLE-CACHE", 1, 1, "funcallable", "The dispatch cache: #(n key... effective key... effective ...).") {
    return obj_slots(check_funcallable(t, args[0]))[FUNCALLABLE_CACHE];
}

BUILTIN(set_funcallable_cache, "%SET-FUNCALLABLE-CACHE", 2, 2, "funcallable cache", "Stores the dispatch cache, a simple-vector whose first element is a fixnum.") {
    check_funcallable(t, args[0]);
    check_type(t, args[1], TYPE_SIMPLE_VECTOR, SYM(SIMPLE_VECTOR));
    if (obj_length(args[1]) == 0 || !is_fix(obj_slots(args[1])[0])) signal_type_error(t, args[1], SYM(SIMPLE_VECTOR));
    set_field(t, args[0], FUNCALLABLE_CACHE, args[1]);
    return args[1];
}

BUILTIN(funcallable_discriminator, "%FUNCALLABLE-DISCRIMINATOR", 1, 1, "funcallable", "The function that is called when the cache looks at no argument.") {
    return obj_slots(check_funcallable(t, args[0]))[FUNCALLABLE_DISCRIMINATOR];
}

BUILTIN(set_funcallable_discriminator, "%SET-FUNCALLABLE-DISCRIMINATOR", 2, 2, "funcallable function",
        "Stores the function that is called when the cache has no entry; with NIL that is SYS::%DISPATCH-MISS.") {
    check_funcallable(t, args[0]);
    if (!is_function(args[1]) && !is_nil(args[1])) signal_type_error(t, args[1], SYM(FUNCTION));
    set_field(t, args[0], FUNCALLABLE_DISCRIMINATOR, args[1]);
    return args[1];
}
