/* hash.c: hash tables as Lisp sees them (CLHS 18).

   The tables are in run/table.c; here are the arguments.  A table whose test is a Lisp function (EXT:DEFINE-HASH-TABLE-TEST) cannot be searched by a
   leaf: GETHASH and its kin leave by the door to SYS::%USER-GETHASH and so on, which work with %HASH-PROBE and a few others.
   MAPHASH and WITH-HASH-TABLE-ITERATOR go by %HASH-NEXT, entry by entry, so that the current entry may be changed or removed. */
#include "run/hash.h"
#include "run/run.h"

static inline Obj need_table(Thread *t, Obj x) {
    if (UNLIKELY(!has_type(x, TYPE_HASH_TABLE))) signal_type_error(t, x, SYM(HASH_TABLE));
    return x;
}
static inline bool is_user(Obj table) { return eq(obj_slots(table)[HASH_TABLE_KIND], obj_of_fix(TEST_OTHER)); }

BUILTIN_IN_PLACE(gethash, "GETHASH", 2, 3, "(key hash-table &optional default)", "The value of key and T, or default and NIL (CLHS 18.2).") {
    Obj value;
    if (UNLIKELY(is_user(need_table(t, args[1])))) {
        Obj a[] = {args[0], args[1], ARG(2, NIL)};
        door_call(t, SYM(USER_GETHASH), 3, a);
    }
    if (table_get(t, args[1], args[0], &value)) return values_2(t, value, T_);
    return values_2(t, ARG(2, NIL), NIL);
}

BUILTIN_IN_PLACE(puthash, "%PUTHASH", 3, 3, "(key hash-table value)", "(SETF (GETHASH key hash-table) value): returns value.") {
    if (UNLIKELY(is_user(need_table(t, args[1])))) door_call(t, SYM(USER_PUTHASH), 3, args);
    table_put(t, args[1], args[0], args[2]);
    return args[2];
}

BUILTIN_IN_PLACE(remhash, "REMHASH", 2, 2, "(key hash-table)", "Removes the entry of key; whether there was one (CLHS 18.2).") {
    if (UNLIKELY(is_user(need_table(t, args[1])))) door_call(t, SYM(USER_REMHASH), 2, args);
    return obj_of_bool(table_remove(t, args[1], args[0]));
}

BUILTIN_IN_PLACE(clrhash, "CLRHASH", 1, 1, "(hash-table)", "Removes all entries; returns the table (CLHS 18.2).") {
    table_clear(t, args[0]);
    return args[0];
}

/* (%MAKE-HASH-TABLE kind test-name size weak-flags weakness rehash-size rehash-threshold function hasher) */
BUILTIN(make_hash_table, "%MAKE-HASH-TABLE", 9, 9, "(kind test size weak-flags weakness rehash-size rehash-threshold function hasher)", "A fresh hash table.") {
    if (!is_fix(args[2]) || fix_of_obj(args[2]) < 0) signal_type_error(t, args[2], SYM(UNSIGNED_BYTE));
    Obj table = table_make(t, (Test)fix_of_obj(args[0]), args[1], (uint64_t)fix_of_obj(args[2]), (unsigned)fix_of_obj(args[3]));
    init_field(table, HASH_TABLE_WEAKNESS, args[4]);
    init_field(table, HASH_TABLE_REHASH_SIZE, args[5]);
    init_field(table, HASH_TABLE_REHASH_THRESHOLD, args[6]);
    init_field(table, HASH_TABLE_FUNCTION, args[7]);
    init_field(table, HASH_TABLE_HASHER, args[8]);
    return table;
}

BUILTIN(test_code, "%TEST-CODE", 1, 1, "(function)", "0 to 3 for EQL, EQ, EQUAL, EQUALP or their functions (NIL is EQL); NIL for others.") {
    Test test = test_of_function(args[0]);
    return test == TEST_OTHER ? NIL : obj_of_fix(test);
}

BUILTIN_IN_PLACE(hash_table_count, "HASH-TABLE-COUNT", 1, 1, "(hash-table)", "Number of entries (CLHS 18.2).") {
    return obj_of_fix((int64_t)table_count(t, args[0]));
}
BUILTIN_IN_PLACE(hash_table_size, "HASH-TABLE-SIZE", 1, 1, "(hash-table)", "Number of entries that there is room for (CLHS 18.2).") {
    return obj_of_fix((int64_t)table_capacity(need_table(t, args[0])));
}
BUILTIN_IN_PLACE(hash_table_test, "HASH-TABLE-TEST", 1, 1, "(hash-table)", "The test's name (CLHS 18.2).") { return obj_slots(need_table(t, args[0]))[HASH_TABLE_TEST]; }
BUILTIN_IN_PLACE(hash_table_rehash_size, "HASH-TABLE-REHASH-SIZE", 1, 1, "(hash-table)", "As given to MAKE-HASH-TABLE (CLHS 18.2).") {
    return obj_slots(need_table(t, args[0]))[HASH_TABLE_REHASH_SIZE];
}
BUILTIN_IN_PLACE(hash_table_rehash_threshold, "HASH-TABLE-REHASH-THRESHOLD", 1, 1, "(hash-table)", "As given to MAKE-HASH-TABLE (CLHS 18.2).") {
    return obj_slots(need_table(t, args[0]))[HASH_TABLE_REHASH_THRESHOLD];
}
BUILTIN_IN_PLACE(hash_table_weakness, "EXT:HASH-TABLE-WEAKNESS", 1, 1, "(hash-table)", "NIL, :KEY, :VALUE, :KEY-AND-VALUE or :KEY-OR-VALUE.") {
    return obj_slots(need_table(t, args[0]))[HASH_TABLE_WEAKNESS];
}

BUILTIN(sxhash, "SXHASH", 1, 1, "(object)", "A hash code that EQUAL objects share, in every image (CLHS 18.2).") { return obj_of_fix((int64_t)hash_stable(t, args[0])); }

/* -- Entry by entry -- */

BUILTIN_IN_PLACE(hash_next, "%HASH-NEXT", 2, 2, "(hash-table position)", "Key, value and the position behind the first entry at or after position; for position NIL at the end.") {
    Obj key, value;
    if (!is_fix(args[1]) || fix_of_obj(args[1]) < 0) signal_type_error(t, args[1], SYM(UNSIGNED_BYTE));
    int64_t i = table_next(t, args[0], (uint64_t)fix_of_obj(args[1]), &key, &value);
    if (i == NO_ENTRY) return values_3(t, NIL, NIL, NIL);
    return values_3(t, obj_of_fix(i + 1), key, value);
}

/* -- Tests that are Lisp functions; what the system's own functions pass is right -- */

static uint32_t hash_argument(Obj x) { return (uint32_t)(number_hash(x) * UINT64_C(0x9E3779B97F4A7C15) >> 33); }

BUILTIN_IN_PLACE(hash_hasher, "%HASH-HASHER", 1, 1, "(hash-table)", "Hash function and test function of a table with a user's test.") {
    Obj *s = obj_slots(need_table(t, args[0]));
    return values_2(t, s[HASH_TABLE_HASHER], s[HASH_TABLE_FUNCTION]);
}
BUILTIN_IN_PLACE(hash_probe, "%HASH-PROBE", 3, 3, "(hash-table hash previous)", "Position, key and value of the next entry with that hash code after the position previous or NIL; NIL at the end.") {
    int64_t i = table_probe(t, args[0], hash_argument(args[1]), is_nil(args[2]) ? NO_ENTRY : fix_of_obj(args[2]));
    if (i == NO_ENTRY) return values_3(t, NIL, NIL, NIL);
    return values_3(t, obj_of_fix(i), table_pair(args[0], i)[0], table_pair(args[0], i)[1]);
}
BUILTIN_IN_PLACE(hash_add, "%HASH-ADD", 4, 4, "(hash-table key value hash)", "Adds an entry.") {
    table_add(t, need_table(t, args[0]), args[1], args[2], hash_argument(args[3]));
    return args[2];
}
BUILTIN_IN_PLACE(hash_set_at, "%HASH-SET-AT", 3, 3, "(hash-table position value)", "Sets the value of an entry and returns T; NIL if it is gone.") {
    if (!table_live_at(t, need_table(t, args[0]), fix_of_obj(args[1]))) return NIL;
    set_slot(t, &table_pair(args[0], fix_of_obj(args[1]))[1], args[2]);
    return T_;
}
BUILTIN_IN_PLACE(hash_remove_at, "%HASH-REMOVE-AT", 2, 2, "(hash-table position)", "Removes an entry and returns T; NIL if it is gone.") {
    if (!table_live_at(t, need_table(t, args[0]), fix_of_obj(args[1]))) return NIL;
    table_remove_at(t, args[0], fix_of_obj(args[1]));
    return T_;
}
