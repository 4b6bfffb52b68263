/* characters.c: characters (CLHS 13).  Their properties are text/character.c's affair; here are the functions.

   The comparisons take any number of characters; all arguments are checked, also behind the pair that decides. */
#include "prim/strings.h"

static inline uint32_t need_char(Thread *t, Obj x) {
    if (UNLIKELY(!is_char(x))) signal_type_error(t, x, SYM(CHARACTER));
    return char_of_obj(x);
}

/* -- Comparing -- */

typedef enum Order { LESS = 1, SAME = 2, MORE = 4 } Order;

/* Whether every neighbours' order is among `allowed`. */
static Obj compare_chain(Thread *t, const Obj *args, uint32_t n, unsigned allowed, bool fold) {
    bool holds = true;
    uint32_t before = need_char(t, args[0]);
    if (fold) before = code_downcase(before);
    for (uint32_t i = 1; i < n; i++) {
        uint32_t c = need_char(t, args[i]);
        if (fold) c = code_downcase(c);
        Order order = before < c ? LESS : before > c ? MORE : SAME;
        if (!(order & allowed)) holds = false;
        before = c;
    }
    return obj_of_bool(holds);
}

/* Whether no two are the same. */
static Obj all_different(Thread *t, const Obj *args, uint32_t n, bool fold) {
    bool holds = true;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = need_char(t, args[i]);
        for (uint32_t j = 0; j < i && holds; j++) {
            uint32_t other = char_of_obj(args[j]);
            if (fold ? code_downcase(c) == code_downcase(other) : c == other) holds = false;
        }
    }
    return obj_of_bool(holds);
}

#define COMPARISON(c_name, name, allowed, fold, what) \
    BUILTIN(c_name, name, 1, ARGS_ANY, "character &rest more-characters", what " (CLHS 13.2).") { return compare_chain(t, args, n, allowed, fold); }

COMPARISON(char_eq, "CHAR=", SAME, false, "Whether all characters are the same")
COMPARISON(char_lt, "CHAR<", LESS, false, "Whether the characters increase")
COMPARISON(char_gt, "CHAR>", MORE, false, "Whether the characters decrease")
COMPARISON(char_le, "CHAR<=", LESS | SAME, false, "Whether the characters do not decrease")
COMPARISON(char_ge, "CHAR>=", MORE | SAME, false, "Whether the characters do not increase")
COMPARISON(char_equal, "CHAR-EQUAL", SAME, true, "Whether all characters are the same, case aside")
COMPARISON(char_lessp, "CHAR-LESSP", LESS, true, "Whether the characters increase, case aside")
COMPARISON(char_greaterp, "CHAR-GREATERP", MORE, true, "Whether the characters decrease, case aside")
COMPARISON(char_not_greaterp, "CHAR-NOT-GREATERP", LESS | SAME, true, "Whether the characters do not decrease, case aside")
COMPARISON(char_not_lessp, "CHAR-NOT-LESSP", MORE | SAME, true, "Whether the characters do not increase, case aside")
BUILTIN(char_ne, "CHAR/=", 1, ARGS_ANY, "character &rest more-characters", "Whether no two characters are the same (CLHS 13.2).") {
    return all_different(t, args, n, false);
}
BUILTIN(char_not_equal, "CHAR-NOT-EQUAL", 1, ARGS_ANY, "character &rest more-characters", "Whether no two characters are the same, case aside (CLHS 13.2).") {
    return all_different(t, args, n, true);
}

/* -- Codes and case -- */

BUILTIN(char_code, "CHAR-CODE", 1, 1, "character", "The character's code (CLHS 13.2).") { return obj_of_fix(need_char(t, args[0])); }
BUILTIN(char_int, "CHAR-INT", 1, 1, "character", "The character's code (CLHS 13.2).") { return obj_of_fix(need_char(t, args[0])); }
BUILTIN(code_char, "CODE-CHAR", 1, 1, "code", "The character with the code (CLHS 13.2).") {
    if (!is_fix(args[0]) || (uint64_t)fix_of_obj(args[0]) >= CODE_LIMIT) signal_index_error(t, args[0], CODE_LIMIT);
    return obj_of_char((uint32_t)fix_of_obj(args[0]));
}
BUILTIN(char_upcase, "CHAR-UPCASE", 1, 1, "character", "The upper case of a character that has one, else the character (CLHS 13.2).") {
    return obj_of_char(code_upcase(need_char(t, args[0])));
}
BUILTIN(char_downcase, "CHAR-DOWNCASE", 1, 1, "character", "The lower case of a character that has one, else the character (CLHS 13.2).") {
    return obj_of_char(code_downcase(need_char(t, args[0])));
}
BUILTIN(upper_case_p, "UPPER-CASE-P", 1, 1, "character", "Whether the character has a lower case (CLHS 13.2).") {
    uint32_t c = need_char(t, args[0]);
    return obj_of_bool(code_downcase(c) != c);
}
BUILTIN(lower_case_p, "LOWER-CASE-P", 1, 1, "character", "Whether the character has an upper case (CLHS 13.2).") {
    uint32_t c = need_char(t, args[0]);
    return obj_of_bool(code_upcase(c) != c);
}
BUILTIN(both_case_p, "BOTH-CASE-P", 1, 1, "character", "Whether the character has another case (CLHS 13.2).") {
    uint32_t c = need_char(t, args[0]);
    return obj_of_bool(code_upcase(c) != c || code_downcase(c) != c);
}

/* -- Classes -- */

BUILTIN(alpha_char_p, "ALPHA-CHAR-P", 1, 1, "character", "Whether the character is a letter (CLHS 13.2).") {
    return obj_of_bool(code_is_alphabetic(need_char(t, args[0])));
}
BUILTIN(alphanumericp, "ALPHANUMERICP", 1, 1, "character", "Whether the character is a letter or a digit (CLHS 13.2).") {
    return obj_of_bool(code_is_alphanumeric(need_char(t, args[0])));
}
BUILTIN(graphic_char_p, "GRAPHIC-CHAR-P", 1, 1, "character", "Whether the character is graphic, space included (CLHS 13.2).") {
    return obj_of_bool(code_is_graphic(need_char(t, args[0])));
}
BUILTIN(standard_char_p, "STANDARD-CHAR-P", 1, 1, "character", "Whether the character is one of the 96 standard characters (CLHS 13.2).") {
    uint32_t c = need_char(t, args[0]);
    return obj_of_bool((c >= 32 && c < 127) || c == '\n');
}

/* -- Digits -- */

static unsigned need_radix(Thread *t, Obj x) {
    if (!is_fix(x) || fix_of_obj(x) < 2 || fix_of_obj(x) > 36)
        signal_type_error(t, x, alloc_list(t, 3, (Obj[]){SYM(INTEGER), obj_of_fix(2), obj_of_fix(36)}));
    return (unsigned)fix_of_obj(x);
}

BUILTIN(digit_char_p, "DIGIT-CHAR-P", 1, 2, "character &optional (radix 10)", "The weight of a digit in the radix, or NIL (CLHS 13.2).") {
    uint32_t c = need_char(t, args[0]);
    int weight = code_digit(c, need_radix(t, ARG(1, obj_of_fix(10))));
    return weight < 0 ? NIL : obj_of_fix(weight);
}

BUILTIN(digit_char, "DIGIT-CHAR", 1, 2, "weight &optional (radix 10)", "The digit of that weight in the radix, or NIL (CLHS 13.2).") {
    unsigned radix = need_radix(t, ARG(1, obj_of_fix(10)));
    Obj w = args[0];
    bool natural = is_fix(w) ? fix_of_obj(w) >= 0 : has_type(w, TYPE_BIGNUM) && !(obj_flags(w) & BIGNUM_NEGATIVE);
    if (!natural) signal_type_error(t, w, SYM(UNSIGNED_BYTE));
    if (!is_fix(w) || fix_of_obj(w) >= radix) return NIL;
    return obj_of_char((uint8_t)"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[fix_of_obj(w)]);
}

/* -- Names, designators -- */

BUILTIN(char_name, "CHAR-NAME", 1, 1, "character", "The name of a character that cannot be seen, or NIL (CLHS 13.2).") {
    char name[CHARACTER_NAME_SIZE];
    return code_name(need_char(t, args[0]), name) ? alloc_text(t, name) : NIL;
}

BUILTIN_IN_PLACE(name_char, "NAME-CHAR", 1, 1, "name", "The character with the name, case aside, or NIL (CLHS 13.2).") {
    uint32_t cell;
    int32_t code = code_of_name(designated_text(t, args[0], &cell));
    return code < 0 ? NIL : obj_of_char((uint32_t)code);
}

BUILTIN_IN_PLACE(character, "CHARACTER", 1, 1, "character-designator", "The character that is meant: itself, or the only one of a string or symbol's name (CLHS 13.2).") {
    uint32_t cell;
    if (is_char(args[0])) return args[0];
    Text text = {&cell, 0, true};
    if (is_swapped_string(args[0])) signal_type_error(t, args[0], SYM(STRING)); /* and comes back with the string */
    if (is_string(args[0]) || is_symbol(args[0])) text = designated_text(t, args[0], &cell);
    if (text.length != 1) signal_type_error(t, args[0], SYM(CHARACTER));
    return obj_of_char(text_char(text, 0));
}
