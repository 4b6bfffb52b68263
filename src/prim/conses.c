/* conses.c: conses and lists (CLHS 14), what of it calls no function.

   Lists that are not proper are found out, not run into: a walk that may meet a circle uses Walk (vector.h) and signals a
   TYPE-ERROR whose datum is the list and whose expected type is (SATISFIES SYS:PROPER-LIST-P); a dotted end is the datum itself,
   the expected type LIST.  NTHCDR and its kin, where the standard speaks of dotted lists, follow it. */
#include "run/equal.h"
#include "run/run.h"

/* -- Parts -- */

static inline Obj checked_car(Thread *t, Obj x) {
    if (UNLIKELY(!is_list(x))) signal_type_error(t, x, SYM(LIST));
    return car(x);
}
static inline Obj checked_cdr(Thread *t, Obj x) {
    if (UNLIKELY(!is_list(x))) signal_type_error(t, x, SYM(LIST));
    return cdr(x);
}
static inline Obj need_cons(Thread *t, Obj x) {
    if (UNLIKELY(!is_cons(x))) signal_type_error(t, x, SYM(CONS));
    return x;
}
static inline Obj need_list(Thread *t, Obj x) {
    if (UNLIKELY(!is_list(x))) signal_type_error(t, x, SYM(LIST));
    return x;
}

#define A(x) checked_car(t, x)
#define D(x) checked_cdr(t, x)
#define PART(c_name, name, path) \
    BUILTIN(c_name, name, 1, 1, "(list)", "Part of a list, as the letters of its name say from right to left (CLHS 14.2).") { return path; }
PART(car, "CAR", A(args[0]))
PART(cdr, "CDR", D(args[0]))
PART(caar, "CAAR", A(A(args[0])))
PART(cadr, "CADR", A(D(args[0])))
PART(cdar, "CDAR", D(A(args[0])))
PART(cddr, "CDDR", D(D(args[0])))
PART(caaar, "CAAAR", A(A(A(args[0]))))
PART(caadr, "CAADR", A(A(D(args[0]))))
PART(cadar, "CADAR", A(D(A(args[0]))))
PART(caddr, "CADDR", A(D(D(args[0]))))
PART(cdaar, "CDAAR", D(A(A(args[0]))))
PART(cdadr, "CDADR", D(A(D(args[0]))))
PART(cddar, "CDDAR", D(D(A(args[0]))))
PART(cdddr, "CDDDR", D(D(D(args[0]))))
PART(caaaar, "CAAAAR", A(A(A(A(args[0])))))
PART(caaadr, "CAAADR", A(A(A(D(args[0])))))
PART(caadar, "CAADAR", A(A(D(A(args[0])))))
PART(caaddr, "CAADDR", A(A(D(D(args[0])))))
PART(cadaar, "CADAAR", A(D(A(A(args[0])))))
PART(cadadr, "CADADR", A(D(A(D(args[0])))))
PART(caddar, "CADDAR", A(D(D(A(args[0])))))
PART(cadddr, "CADDDR", A(D(D(D(args[0])))))
PART(cdaaar, "CDAAAR", D(A(A(A(args[0])))))
PART(cdaadr, "CDAADR", D(A(A(D(args[0])))))
PART(cdadar, "CDADAR", D(A(D(A(args[0])))))
PART(cdaddr, "CDADDR", D(A(D(D(args[0])))))
PART(cddaar, "CDDAAR", D(D(A(A(args[0])))))
PART(cddadr, "CDDADR", D(D(A(D(args[0])))))
PART(cdddar, "CDDDAR", D(D(D(A(args[0])))))
PART(cddddr, "CDDDDR", D(D(D(D(args[0])))))
PART(first, "FIRST", A(args[0]))
PART(rest, "REST", D(args[0]))
PART(second, "SECOND", A(D(args[0])))
PART(third, "THIRD", A(D(D(args[0]))))
PART(fourth, "FOURTH", A(D(D(D(args[0])))))
PART(fifth, "FIFTH", A(D(D(D(D(args[0]))))))
PART(sixth, "SIXTH", A(D(D(D(D(D(args[0])))))))
PART(seventh, "SEVENTH", A(D(D(D(D(D(D(args[0]))))))))
PART(eighth, "EIGHTH", A(D(D(D(D(D(D(D(args[0])))))))))
PART(ninth, "NINTH", A(D(D(D(D(D(D(D(D(args[0]))))))))))
PART(tenth, "TENTH", A(D(D(D(D(D(D(D(D(D(args[0])))))))))))

BUILTIN(rplaca, "RPLACA", 2, 2, "(cons object)", "Stores object in the CAR of cons and returns cons (CLHS 14.2).") {
    set_car(t, need_cons(t, args[0]), args[1]);
    return args[0];
}
BUILTIN(rplacd, "RPLACD", 2, 2, "(cons object)", "Stores object in the CDR of cons and returns cons (CLHS 14.2).") {
    set_cdr(t, need_cons(t, args[0]), args[1]);
    return args[0];
}
BUILTIN(set_car_value, "%RPLACA", 2, 2, "(cons object)", "(SETF (CAR cons) object): returns object.") {
    set_car(t, need_cons(t, args[0]), args[1]);
    return args[1];
}
BUILTIN(set_cdr_value, "%RPLACD", 2, 2, "(cons object)", "(SETF (CDR cons) object): returns object.") {
    set_cdr(t, need_cons(t, args[0]), args[1]);
    return args[1];
}

/* -- Making -- */

BUILTIN(cons, "CONS", 2, 2, "(car cdr)", "A fresh cons (CLHS 14.2).") { return alloc_cons(t, args[0], args[1]); }
BUILTIN(list, "LIST", 0, ARGS_ANY, "(&rest objects)", "A fresh list of its arguments (CLHS 14.2).") { return alloc_list(t, n, args); }
BUILTIN(list_star, "LIST*", 1, ARGS_ANY, "(object &rest objects)", "A list of its arguments, the last of which is the tail (CLHS 14.2).") {
    Obj list = args[n - 1];
    for (uint32_t i = n - 1; i-- > 0;) list = alloc_cons(t, args[i], list);
    return list;
}

/* A count argument; `limit` bounds what is worth counting.  Bignums are larger than any list. */
static uint64_t count_argument(Thread *t, Obj x) {
    if (is_fix(x) && fix_of_obj(x) >= 0) return (uint64_t)fix_of_obj(x);
    if (has_type(x, TYPE_BIGNUM) && !(obj_flags(x) & BIGNUM_NEGATIVE)) return UINT64_MAX;
    signal_type_error(t, x, SYM(UNSIGNED_BYTE));
}

BUILTIN(make_list_of, "%MAKE-LIST", 2, 2, "(size initial-element)", "A fresh list of size times the element.") {
    Obj list = NIL;
    for (uint64_t i = count_argument(t, args[0]); i > 0; i--) list = alloc_cons(t, args[1], list);
    return list;
}

/* A list that grows at its end. */
typedef struct Collector {
    Obj head, last;
} Collector;
static inline Collector collector_start(void) { return (Collector){NIL, NIL}; }
static inline void collector_tail(Collector *c, Obj tail) {
    if (is_nil(c->head))
        c->head = tail;
    else
        cons_slots(c->last)[1] = tail; /* NOBARRIER: fresh cons */
}
static inline void collector_add(Thread *t, Collector *c, Obj x) {
    Obj cell = alloc_cons(t, x, NIL);
    collector_tail(c, cell);
    c->last = cell;
}

BUILTIN(copy_list, "COPY-LIST", 1, 1, "(list)", "A list of fresh conses with the same elements and the same dotted end (CLHS 14.2).") {
    Collector c = collector_start();
    Walk w = walk_start();
    Obj p = need_list(t, args[0]);
    for (; is_cons(p); p = cdr(p)) {
        if (walk_circular(&w, p)) signal_improper_list(t, args[0], p);
        collector_add(t, &c, car(p));
    }
    collector_tail(&c, p);
    return c.head;
}

BUILTIN(copy_alist, "COPY-ALIST", 1, 1, "(alist)", "An association list of fresh pairs (CLHS 14.2).") {
    Collector c = collector_start();
    Walk w = walk_start();
    Obj p = need_list(t, args[0]);
    for (; is_cons(p); p = cdr(p)) {
        if (walk_circular(&w, p)) signal_improper_list(t, args[0], p);
        Obj x = car(p);
        collector_add(t, &c, is_cons(x) ? alloc_cons(t, car(x), cdr(x)) : x);
    }
    if (!is_nil(p)) signal_improper_list(t, args[0], p);
    return c.head;
}

/* -- Lengths and tails -- */

BUILTIN(proper_list_p, "SYS:PROPER-LIST-P", 1, 1, "(object)", "Whether the object is a list that ends in NIL.") {
    Walk w = walk_start();
    Obj p = args[0];
    for (; is_cons(p); p = cdr(p))
        if (walk_circular(&w, p)) return NIL;
    return obj_of_bool(is_nil(p));
}

BUILTIN(list_length, "LIST-LENGTH", 1, 1, "(list)", "Number of elements of a proper list, NIL for a circular one (CLHS 14.2).") {
    Walk w = walk_start();
    Obj p = args[0];
    for (; is_cons(p); p = cdr(p))
        if (walk_circular(&w, p)) return NIL;
    if (!is_nil(p)) signal_improper_list(t, args[0], p);
    return obj_of_fix((int64_t)w.count);
}

BUILTIN(endp, "ENDP", 1, 1, "(list)", "Whether the list is at its end; TYPE-ERROR for what is no list (CLHS 14.2).") {
    return obj_of_bool(is_nil(need_list(t, args[0])));
}

static Obj nthcdr(Thread *t, Obj count, Obj list) {
    uint64_t k = count_argument(t, count);
    Walk w = walk_start();
    Obj p = list;
    for (; k > 0 && is_cons(p); p = cdr(p), k--) {
        if (!walk_circular(&w, p)) continue;
        uint64_t walked = count_argument(t, count) - k, period = 1;
        for (Obj q = cdr(p); !eq(q, p); q = cdr(q)) period++;
        Obj left;
        number_floor(t, number_sub(t, count, obj_of_fix((int64_t)walked)), obj_of_fix((int64_t)period), &left);
        for (k = (uint64_t)fix_of_obj(left); k > 0; k--) p = cdr(p);
        return p;
    }
    if (k > 0 && !is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return p;
}

BUILTIN(nthcdr, "NTHCDR", 2, 2, "(n list)", "The tail of list after n CDRs (CLHS 14.2).") { return nthcdr(t, args[0], args[1]); }
BUILTIN(nth, "NTH", 2, 2, "(n list)", "Element n of list, NIL past its end (CLHS 14.2).") { return checked_car(t, nthcdr(t, args[0], args[1])); }
BUILTIN(set_nth, "%SETNTH", 3, 3, "(n list object)", "(SETF (NTH n list) object): returns object.") {
    set_car(t, need_cons(t, nthcdr(t, args[0], args[1])), args[2]);
    return args[2];
}

/* The tail of `list` that has `keep` conses; all of the list when it has fewer. */
static Obj last_conses(Thread *t, Obj list, uint64_t keep) {
    Walk w = walk_start();
    Obj lead = need_list(t, list), lag = list;
    for (uint64_t i = 0; i < keep && is_cons(lead); i++) lead = cdr(lead);
    for (; is_cons(lead); lead = cdr(lead), lag = cdr(lag))
        if (walk_circular(&w, lead)) signal_improper_list(t, list, lead);
    return lag;
}

BUILTIN(last, "LAST", 1, 2, "(list &optional (n 1))", "The last n conses of list (CLHS 14.2).") {
    return last_conses(t, args[0], n > 1 ? count_argument(t, args[1]) : 1);
}

/* Number of conses of a list that may be dotted. */
static uint64_t cons_count(Thread *t, Obj list) {
    Walk w = walk_start();
    for (Obj p = need_list(t, list); is_cons(p); p = cdr(p))
        if (walk_circular(&w, p)) signal_improper_list(t, list, p);
    return w.count;
}

BUILTIN(butlast, "BUTLAST", 1, 2, "(list &optional (n 1))", "A copy of list without its last n elements (CLHS 14.2).") {
    uint64_t drop = n > 1 ? count_argument(t, args[1]) : 1, have = cons_count(t, args[0]);
    Collector c = collector_start();
    Obj p = args[0];
    for (uint64_t i = have > drop ? have - drop : 0; i > 0; i--, p = cdr(p)) collector_add(t, &c, car(p));
    return c.head;
}

BUILTIN(nbutlast, "NBUTLAST", 1, 2, "(list &optional (n 1))", "The list without its last n elements, cut in place (CLHS 14.2).") {
    uint64_t drop = n > 1 ? count_argument(t, args[1]) : 1, have = cons_count(t, args[0]);
    if (have <= drop) return NIL;
    Obj p = args[0];
    for (uint64_t i = have - drop; i > 1; i--) p = cdr(p);
    set_cdr(t, p, NIL);
    return args[0];
}

BUILTIN(tailp, "TAILP", 2, 2, "(object list)", "Whether object is list or one of its tails (CLHS 14.2).") {
    Walk w = walk_start();
    Obj p = need_list(t, args[1]);
    for (; is_cons(p); p = cdr(p)) {
        if (eq(p, args[0])) return T_;
        if (walk_circular(&w, p)) return NIL;
    }
    return obj_of_bool(number_eql(p, args[0]));
}

BUILTIN(ldiff, "LDIFF", 2, 2, "(list object)", "A copy of what of list is before its tail object (CLHS 14.2).") {
    Collector c = collector_start();
    Walk w = walk_start();
    Obj p = need_list(t, args[0]);
    for (; is_cons(p); p = cdr(p)) {
        if (eq(p, args[1])) return c.head;
        if (walk_circular(&w, p)) signal_improper_list(t, args[0], p);
        collector_add(t, &c, car(p));
    }
    if (!number_eql(p, args[1])) collector_tail(&c, p);
    return c.head;
}

/* -- Joining and reversing -- */

static void append_copy(Thread *t, Collector *c, Obj list) {
    Walk w = walk_start();
    Obj p = list;
    for (; is_cons(p); p = cdr(p)) {
        if (walk_circular(&w, p)) signal_improper_list(t, list, p);
        collector_add(t, c, car(p));
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
}

BUILTIN(append, "APPEND", 0, ARGS_ANY, "(&rest lists)", "The lists joined; all but the last are copied (CLHS 14.2).") {
    Collector c = collector_start();
    if (n == 0) return NIL;
    for (uint32_t i = 0; i + 1 < n; i++) append_copy(t, &c, args[i]);
    collector_tail(&c, args[n - 1]);
    return c.head;
}

BUILTIN(nconc, "NCONC", 0, ARGS_ANY, "(&rest lists)", "The lists joined in place (CLHS 14.2).") {
    Obj result = NIL, last = NIL;
    for (uint32_t i = 0; i + 1 < n; i++) need_list(t, args[i]);
    for (uint32_t i = 0; i < n; i++) {
        if (is_nil(args[i])) continue;
        if (is_nil(last))
            result = args[i];
        else
            set_cdr(t, last, args[i]);
        if (is_cons(args[i]) && i + 1 < n) last = last_conses(t, args[i], 1);
    }
    return result;
}

/* Conses the elements of a proper list, reversed, before `tail`. */
static Obj reverse_onto(Thread *t, Obj list, Obj tail) {
    Walk w = walk_start();
    Obj p = list;
    for (; is_cons(p); p = cdr(p)) {
        if (walk_circular(&w, p)) signal_improper_list(t, list, p);
        tail = alloc_cons(t, car(p), tail);
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return tail;
}

/* Turns the links of a proper list round; its first cons then precedes `tail`. */
static Obj reverse_links(Thread *t, Obj list, Obj tail) {
    list_length(t, list);
    while (is_cons(list)) {
        Obj next = cdr(list);
        set_cdr(t, list, tail);
        tail = list;
        list = next;
    }
    return tail;
}

BUILTIN(revappend, "REVAPPEND", 2, 2, "(list tail)", "The elements of list reversed, then tail (CLHS 14.2).") { return reverse_onto(t, args[0], args[1]); }
BUILTIN(nreconc, "NRECONC", 2, 2, "(list tail)", "REVAPPEND that reuses the conses of list (CLHS 14.2).") {
    return reverse_links(t, args[0], args[1]);
}
BUILTIN(reverse_list, "%REVERSE-LIST", 1, 1, "(list)", "REVERSE of a list.") { return reverse_onto(t, args[0], NIL); }
BUILTIN(nreverse_list, "%NREVERSE-LIST", 1, 1, "(list)", "NREVERSE of a list.") { return reverse_links(t, args[0], NIL); }

/* -- Trees -- */

/* Copies the conses of a tree.  What is still to be copied is linked through fresh pairs (copy . next), so depth costs no C stack. */
BUILTIN(copy_tree, "COPY-TREE", 1, 1, "(tree)", "A copy of all conses of a tree (CLHS 14.2).") {
    if (!is_cons(args[0])) return args[0];
    Obj root = alloc_cons(t, car(args[0]), cdr(args[0]));
    Obj todo = alloc_cons(t, root, NIL);
    while (!is_nil(todo)) {
        Obj cell = car(todo);
        todo = cdr(todo);
        for (;;) {
            Obj a = car(cell), d = cdr(cell);
            if (is_cons(a)) {
                cons_slots(cell)[0] = alloc_cons(t, car(a), cdr(a)); /* NOBARRIER: fresh conses all */
                todo = alloc_cons(t, car(cell), todo);
            }
            if (!is_cons(d)) break;
            cons_slots(cell)[1] = alloc_cons(t, car(d), cdr(d));
            cell = cdr(cell);
        }
    }
    return root;
}

/* -- Searching lists -- */

static Obj member(Thread *t, Test test, Obj item, Obj list) {
    Walk w = walk_start();
    Obj p = list;
    if (test_is_eq(test, item)) test = TEST_EQ;
    for (; is_cons(p); p = cdr(p)) {
        if (test_objects(t, test, item, car(p))) return p;
        if (walk_circular(&w, p)) signal_improper_list(t, list, p);
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return NIL;
}

static Obj assoc(Thread *t, Test test, Obj item, Obj alist, int side) {
    Walk w = walk_start();
    Obj p = alist;
    if (test_is_eq(test, item)) test = TEST_EQ;
    for (; is_cons(p); p = cdr(p)) {
        Obj pair = car(p);
        if (is_cons(pair) && test_objects(t, test, item, cons_slots(pair)[side])) return pair;
        if (UNLIKELY(!is_list(pair))) signal_type_error(t, pair, SYM(LIST));
        if (walk_circular(&w, p)) signal_improper_list(t, alist, p);
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return NIL;
}

/* The test that a test code (see %TEST-CODE) stands for. */
static Test need_test(Thread *t, Obj code) {
    if (!is_fix(code) || (uint64_t)fix_of_obj(code) >= TEST_OTHER) signal_type_error(t, code, SYM(FIXNUM));
    return (Test)fix_of_obj(code);
}

BUILTIN(member, "%MEMBER", 3, 3, "(test-code item list)", "MEMBER without key.") { return member(t, need_test(t, args[0]), args[1], args[2]); }
BUILTIN(assoc, "%ASSOC", 3, 3, "(test-code item alist)", "ASSOC without key.") { return assoc(t, need_test(t, args[0]), args[1], args[2], 0); }
BUILTIN(rassoc, "%RASSOC", 3, 3, "(test-code item alist)", "RASSOC without key.") { return assoc(t, need_test(t, args[0]), args[1], args[2], 1); }
BUILTIN(adjoin, "%ADJOIN", 3, 3, "(test-code item list)", "ADJOIN without key.") {
    return is_nil(member(t, need_test(t, args[0]), args[1], args[2])) ? alloc_cons(t, args[1], args[2]) : args[2];
}

/* What SUBST puts in the place of part x of a tree: `new`, x itself if it is an atom, or a fresh cons that is pushed to be worked on. */
static Obj subst_part(Thread *t, Test test, Obj new, Obj old, Obj x, Obj *todo) {
    if (test_objects(t, test, old, x)) return new;
    if (!is_cons(x)) return x;
    Obj copy = alloc_cons(t, car(x), cdr(x));
    *todo = alloc_cons(t, copy, *todo);
    return copy;
}

BUILTIN(subst, "%SUBST-LEAF", 4, 4, "(test-code new old tree)", "SUBST without key.") {
    Test test = need_test(t, args[0]);
    Obj todo = NIL, root = subst_part(t, test, args[1], args[2], args[3], &todo);
    while (!is_nil(todo)) {
        Obj cell = car(todo);
        todo = cdr(todo);
        cons_slots(cell)[0] = subst_part(t, test, args[1], args[2], car(cell), &todo); /* NOBARRIER: fresh conses all */
        cons_slots(cell)[1] = subst_part(t, test, args[1], args[2], cdr(cell), &todo);
    }
    return root;
}

/* -- Association and property lists -- */

BUILTIN(acons, "ACONS", 3, 3, "(key datum alist)", "The alist with the pair (key . datum) before it (CLHS 14.2).") {
    return alloc_cons(t, alloc_cons(t, args[0], args[1]), args[2]);
}

BUILTIN(pairlis, "PAIRLIS", 2, 3, "(keys data &optional alist)", "Pairs of keys and data, in order, before alist (CLHS 14.2).") {
    Collector c = collector_start();
    Obj k = args[0], d = args[1];
    if (list_length(t, k) != list_length(t, d))
        signal_format(t, SYM(SIMPLE_ERROR), "PAIRLIS: the lists ~S and ~S have different lengths.", 2, k, d);
    for (; is_cons(k); k = cdr(k), d = cdr(d)) collector_add(t, &c, alloc_cons(t, car(k), car(d)));
    collector_tail(&c, ARG(2, NIL));
    return c.head;
}

/* The cell of a property list whose CAR is `indicator`, or NIL; TYPE-ERROR for an odd, dotted or circular list. */
static Obj plist_cell(Thread *t, Obj plist, Obj indicator) {
    Walk w = walk_start();
    Obj p = plist;
    while (is_cons(p)) {
        Obj d = cdr(p);
        if (!is_cons(d)) signal_type_error(t, d, SYM(CONS));
        if (eq(car(p), indicator)) return p;
        if (walk_circular(&w, p)) signal_improper_list(t, plist, p);
        p = cdr(d);
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return NIL;
}

BUILTIN(getf, "GETF", 2, 3, "(plist indicator &optional default)", "The property of indicator in plist (CLHS 14.2).") {
    Obj cell = plist_cell(t, args[0], args[1]);
    return is_nil(cell) ? ARG(2, NIL) : cadr(cell);
}

BUILTIN(putf, "%PUTF", 3, 3, "(plist indicator value)", "The plist with the property set, in place when it is there already.") {
    Obj cell = plist_cell(t, args[0], args[1]);
    if (is_nil(cell)) return alloc_cons(t, args[1], alloc_cons(t, args[2], args[0]));
    set_car(t, cdr(cell), args[2]);
    return args[0];
}

BUILTIN(remf, "%REMF", 2, 2, "(plist indicator)", "Two values: the plist without the property, cut in place, and whether it was there.") {
    Obj cell = plist_cell(t, args[0], args[1]), before = NIL;
    if (is_nil(cell)) return values_2(t, args[0], NIL);
    if (eq(cell, args[0])) return values_2(t, cddr(cell), T_);
    for (Obj p = args[0]; !eq(p, cell); p = cddr(p)) before = cdr(p);
    set_cdr(t, before, cddr(cell));
    return values_2(t, args[0], T_);
}

BUILTIN(get_properties, "GET-PROPERTIES", 2, 2, "(plist indicators)", "Indicator, value and tail of the first property among indicators (CLHS 14.2).") {
    Walk w = walk_start();
    Obj p = args[0];
    while (is_cons(p)) {
        if (!is_cons(cdr(p))) signal_type_error(t, cdr(p), SYM(CONS));
        if (!is_nil(member(t, TEST_EQ, car(p), args[1]))) return values_3(t, car(p), cadr(p), p);
        if (walk_circular(&w, p)) signal_improper_list(t, args[0], p);
        p = cddr(p);
    }
    if (!is_nil(p)) signal_type_error(t, p, SYM(LIST));
    return values_3(t, NIL, NIL, NIL);
}
