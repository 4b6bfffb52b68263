/* reader.c: leaves of the reader (CLHS 2, 23): readtables, tokens, and the way from a stream to the C reader.

   A readtable has a syntax type per character, macro functions (any function designators; the library's own are symbols), and dispatch tables.
   Characters below 128 are in vectors, others in association lists.  KINDS is what the C reader looks at: a character whose syntax is not
   the standard one is ODD there, so that forms without such characters are read in C under any readtable.

   %READ-FAST tries the C reader on what the stream has in its buffer.  It consumes a form or nothing.  If it gives up, the reader in
   lisp/reader.lisp takes one step (skips whitespace, calls a macro function, or gathers a token) and asks again for the parts.

   A token that Lisp gathers is a vector #(codes length mode escaped): codes is an (UNSIGNED-BYTE 32) vector in which escaped characters have
   bit 31; mode is where the gathering stands, so that it can go on after an interrupt.

   Invariants
     reader.kinds   KINDS[c] is standard only if c's syntax is, its macro function is the standard one, and (for #) no sub-character that
                    the C reader reads has been redefined */
#include "prim/streams.h"

#include "number/number.h"

enum { CODES = 128 };

/* Syntax types (CLHS 2.1.4), as the Lisp side knows them. */
enum { SYNTAX_CONSTITUENT, SYNTAX_WHITESPACE, SYNTAX_TERMINATING, SYNTAX_NON_TERMINATING, SYNTAX_SINGLE_ESCAPE, SYNTAX_MULTIPLE_ESCAPE };

static Obj need_readtable(Thread *t, Obj x) {
    if (UNLIKELY(!has_type(x, TYPE_READTABLE))) signal_type_error(t, x, SYM(READTABLE));
    return x;
}
static uint32_t need_code(Thread *t, Obj x) {
    if (UNLIKELY(!is_char(x))) signal_type_error(t, x, SYM(CHARACTER));
    return char_of_obj(x);
}
static Obj current_readtable(Thread *t) { return need_readtable(t, symbol_value(t, SYM(READTABLE_VAR))); }

static uint8_t *readtable_bytes(Obj readtable, int field) { return obj_raw(obj_slots(readtable)[field]); }

/* -- Syntax of a character -- */

static uint8_t standard_syntax(uint32_t c) {
    switch (c) {
    case '\t': case '\n': case '\f': case '\r': case ' ': case 127: return SYNTAX_WHITESPACE;
    case '"': case '\'': case '(': case ')': case ',': case ';': case '`': return SYNTAX_TERMINATING;
    case '#': return SYNTAX_NON_TERMINATING;
    case '\\': return SYNTAX_SINGLE_ESCAPE;
    case '|': return SYNTAX_MULTIPLE_ESCAPE;
    default: return SYNTAX_CONSTITUENT;
    }
}

static uint8_t standard_kind(uint32_t c) {
    if (c == 127 || (c < 32 && standard_syntax(c) == SYNTAX_CONSTITUENT)) return READ_ODD;
    switch (standard_syntax(c)) {
    case SYNTAX_WHITESPACE: return READ_WHITESPACE;
    case SYNTAX_TERMINATING: return READ_TERMINATING;
    default: return READ_CONSTITUENT;
    }
}

/* The entry (code syntax . macro function) of a character above 127, or NIL. */
static Obj extra_entry(Obj readtable, uint32_t c) {
    for (Obj l = obj_slots(readtable)[READTABLE_EXTRA]; is_cons(l); l = cdr(l))
        if (eq(car(car(l)), obj_of_fix(c))) return car(l);
    return NIL;
}

static unsigned syntax_of(Obj readtable, uint32_t c) {
    if (c < CODES) return readtable_bytes(readtable, READTABLE_SYNTAX)[c];
    Obj entry = extra_entry(readtable, c);
    return is_nil(entry) ? SYNTAX_CONSTITUENT : (unsigned)fix_of_obj(cadr(entry));
}

bool char_is_whitespace(Obj readtable, uint32_t c) { return syntax_of(readtable, c) == SYNTAX_WHITESPACE; }

static Obj macro_of(Obj readtable, uint32_t c) {
    if (c < CODES) return obj_slots(obj_slots(readtable)[READTABLE_MACROS])[c];
    return cddr(extra_entry(readtable, c));
}

/* The C reader knows no single escape but the backslash; with others, and without that one, it leaves strings to Lisp. */
static void set_syntax(Thread *t, Obj readtable, uint32_t c, unsigned syntax, Obj macro) {
    if (syntax == SYNTAX_SINGLE_ESCAPE || c == '\\') readtable_bytes(readtable, READTABLE_KINDS)['"'] = READ_ODD;
    if (c < CODES) {
        set_field(t, obj_slots(readtable)[READTABLE_MACROS], c, macro);
        readtable_bytes(readtable, READTABLE_SYNTAX)[c] = (uint8_t)syntax;
        readtable_bytes(readtable, READTABLE_KINDS)[c] = READ_ODD;
        return;
    }
    Obj value = alloc_cons(t, obj_of_fix(syntax), macro), entry = extra_entry(readtable, c);
    if (is_nil(entry)) {
        entry = alloc_cons(t, obj_of_fix(c), value);
        set_field(t, readtable, READTABLE_EXTRA, alloc_cons(t, entry, obj_slots(readtable)[READTABLE_EXTRA]));
    } else {
        set_cdr(t, entry, value);
    }
}

/* -- Readtables -- */

static Obj fresh_bytes(Thread *t, uint8_t (*byte)(uint32_t)) {
    Obj v = alloc_raw(t, TYPE_U8_VECTOR, CODES);
    for (uint32_t c = 0; c < CODES; c++) ((uint8_t *)obj_raw(v))[c] = byte(c);
    return v;
}

BUILTIN(make_readtable, "%MAKE-READTABLE", 1, 1, "macros",
        "A readtable of standard syntax; macros: a list of characters and function designators, in turn.") {
    Obj r = alloc_boxed(t, TYPE_READTABLE, READTABLE_LENGTH, NIL);
    init_field(r, READTABLE_SYNTAX, fresh_bytes(t, standard_syntax));
    init_field(r, READTABLE_KINDS, fresh_bytes(t, standard_kind));
    init_field(r, READTABLE_MACROS, alloc_boxed(t, TYPE_SIMPLE_VECTOR, CODES, NIL));
    init_field(r, READTABLE_CASE, SYM(K_UPCASE));
    for (Obj l = args[0]; is_cons(l); l = cddr(l)) {
        uint32_t c = need_code(t, car(l));
        if (c < CODES) init_field(obj_slots(r)[READTABLE_MACROS], c, cadr(l));
    }
    return r;
}

static Obj copy_vector(Thread *t, Obj v) {
    uint64_t n = obj_length(v);
    if (obj_type(v) == TYPE_U8_VECTOR) {
        Obj copy = alloc_raw(t, TYPE_U8_VECTOR, n);
        memcpy(obj_raw(copy), obj_raw(v), n);
        return copy;
    }
    Obj copy = alloc_boxed(t, TYPE_SIMPLE_VECTOR, n, NIL);
    for (uint64_t i = 0; i < n; i++) init_field(copy, i, obj_slots(v)[i]);
    return copy;
}

/* A copy of an association list with its pairs, whose CDRs are copied as far as they are lists of pairs. */
static Obj copy_table(Thread *t, Obj list, bool deep) {
    Obj copy = NIL;
    for (; is_cons(list); list = cdr(list)) {
        Obj value = cdr(car(list));
        copy = alloc_cons(t, alloc_cons(t, car(car(list)), deep ? copy_table(t, value, false) : value), copy);
    }
    return copy;
}

BUILTIN(copy_readtable, "%COPY-READTABLE", 2, 2, "from to", "Copies a readtable into TO, or into a fresh one if TO is NIL.") {
    Obj from = need_readtable(t, args[0]), to = args[1];
    Obj syntax = copy_vector(t, obj_slots(from)[READTABLE_SYNTAX]), kinds = copy_vector(t, obj_slots(from)[READTABLE_KINDS]);
    Obj macros = copy_vector(t, obj_slots(from)[READTABLE_MACROS]);
    Obj extra = copy_table(t, obj_slots(from)[READTABLE_EXTRA], false), dispatch = copy_table(t, obj_slots(from)[READTABLE_DISPATCH], true);
    if (is_nil(to)) to = alloc_boxed(t, TYPE_READTABLE, READTABLE_LENGTH, NIL);
    else need_readtable(t, to);
    set_field(t, to, READTABLE_SYNTAX, syntax);
    set_field(t, to, READTABLE_KINDS, kinds);
    set_field(t, to, READTABLE_MACROS, macros);
    set_field(t, to, READTABLE_EXTRA, extra);
    set_field(t, to, READTABLE_DISPATCH, dispatch);
    set_field(t, to, READTABLE_CASE, obj_slots(from)[READTABLE_CASE]);
    return to;
}

BUILTIN(readtablep, "READTABLEP", 1, 1, "object", "Whether the object is a readtable (CLHS 23.2).") { return obj_of_bool(has_type(args[0], TYPE_READTABLE)); }

BUILTIN(readtable_case, "READTABLE-CASE", 1, 1, "readtable", "What the reader does with the case of symbols (CLHS 23.2).") {
    return obj_slots(need_readtable(t, args[0]))[READTABLE_CASE];
}

BUILTIN(set_readtable_case, "%SET-READTABLE-CASE", 2, 2, "readtable mode", "(SETF (READTABLE-CASE readtable) mode).") {
    static const uint8_t count = 4;
    Obj modes[] = {SYM(K_UPCASE), SYM(K_DOWNCASE), SYM(K_PRESERVE), SYM(K_INVERT)}, mode = args[1];
    need_readtable(t, args[0]);
    for (uint8_t i = 0; i < count; i++) {
        if (!eq(mode, modes[i])) continue;
        set_field(t, args[0], READTABLE_CASE, mode);
        return mode;
    }
    signal_type_error(t, mode, alloc_cons(t, SYM(MEMBER), alloc_list(t, count, modes)));
}

BUILTIN(char_syntax, "%CHAR-SYNTAX", 2, 2, "character readtable", "Syntax type and macro function of a character: 0 constituent, 1 whitespace, 2 terminating, 3 non-terminating macro, 4 single, 5 multiple escape.") {
    uint32_t c = need_code(t, args[0]);
    Obj r = need_readtable(t, args[1]);
    return values_2(t, obj_of_fix(syntax_of(r, c)), macro_of(r, c));
}

BUILTIN(set_char_syntax, "%SET-CHAR-SYNTAX", 4, 4, "character readtable syntax macro", "Gives a character a syntax type and a macro function.") {
    uint32_t c = need_code(t, args[0]);
    need_readtable(t, args[1]);
    if (!is_fix(args[2]) || (uint64_t)fix_of_obj(args[2]) > SYNTAX_MULTIPLE_ESCAPE) signal_index_error(t, args[2], SYNTAX_MULTIPLE_ESCAPE + 1);
    set_syntax(t, args[1], c, (unsigned)fix_of_obj(args[2]), args[3]);
    return T_;
}

/* -- Dispatch tables: (code (sub-code . function) ...) -- */

static Obj dispatch_table(Obj readtable, uint32_t c) {
    for (Obj l = obj_slots(readtable)[READTABLE_DISPATCH]; is_cons(l); l = cdr(l))
        if (eq(car(car(l)), obj_of_fix(c))) return car(l);
    return NIL;
}

static Obj dispatch_entry(Obj table, uint32_t sub) {
    for (Obj l = cdr(table); is_cons(l); l = cdr(l))
        if (eq(car(car(l)), obj_of_fix(sub))) return car(l);
    return NIL;
}

BUILTIN(dispatch_table, "%DISPATCH-TABLE", 2, 2, "character readtable", "The dispatch table of the character, a list, or NIL.") {
    return dispatch_table(need_readtable(t, args[1]), need_code(t, args[0]));
}

BUILTIN(set_dispatch_table, "%SET-DISPATCH-TABLE", 3, 3, "character readtable entries", "Gives the character a dispatch table of these entries (sub-code . function).") {
    Obj code = obj_of_fix(need_code(t, args[0])), table = dispatch_table(need_readtable(t, args[1]), need_code(t, args[0]));
    if (is_nil(table)) {
        Obj rest = obj_slots(args[1])[READTABLE_DISPATCH];
        set_field(t, args[1], READTABLE_DISPATCH, alloc_cons(t, alloc_cons(t, code, args[2]), rest));
    } else {
        set_cdr(t, table, args[2]);
    }
    return T_;
}

BUILTIN(dispatch_function, "%DISPATCH-FUNCTION", 3, 3, "character sub-character readtable", "The function of a sub-character, case aside, or NIL.") {
    uint32_t c = need_code(t, args[0]), sub = code_upcase(need_code(t, args[1]));
    return cdr(dispatch_entry(dispatch_table(need_readtable(t, args[2]), c), sub));
}

/* Sub-characters that the C reader reads. */
static bool is_standard_sub(uint32_t c) { return c < CODES && strchr("'\\(|+-:*XOBR", (int)c) != NULL; }

BUILTIN(set_dispatch_function, "%SET-DISPATCH-FUNCTION", 4, 4, "character sub-character function readtable",
        "Gives a sub-character a function; the character has a dispatch table.") {
    uint32_t c = need_code(t, args[0]), sub = code_upcase(need_code(t, args[1]));
    Obj table = dispatch_table(need_readtable(t, args[3]), c), entry = dispatch_entry(table, sub);
    if (is_nil(table)) signal_type_error(t, args[0], SYM(CHARACTER));
    if (is_nil(entry)) set_cdr(t, table, alloc_cons(t, alloc_cons(t, obj_of_fix(sub), args[2]), cdr(table)));
    else set_cdr(t, entry, args[2]);
    if (c == '#' && is_standard_sub(sub)) readtable_bytes(args[3], READTABLE_KINDS)[c] = READ_ODD;
    return T_;
}

/* -- To the C reader -- */

/* Prepares the reader from the variables; false if they ask for what it does not do. */
static bool reader_prepare(Thread *t, Reader *r, Obj readtable, Obj backquotes) {
    Obj base = symbol_value(t, SYM(READ_BASE)), package = symbol_value(t, SYM(PACKAGE_VAR));
    if (!is_nil(symbol_value(t, SYM(READ_SUPPRESS)))) return false;
    if (!eq(obj_slots(readtable)[READTABLE_CASE], SYM(K_UPCASE))) return false;
    if (!is_fix(base) || fix_of_obj(base) < 2 || fix_of_obj(base) > 36 || !has_type(package, TYPE_PACKAGE)) return false;
    reader_start(r, NULL, 0, package);
    r->kinds = readtable_bytes(readtable, READTABLE_KINDS);
    r->odd_wide = !is_nil(obj_slots(readtable)[READTABLE_EXTRA]);
    r->base = (unsigned)fix_of_obj(base);
    r->float_format = symbol_value(t, SYM(READ_DEFAULT_FLOAT_FORMAT));
    r->features = symbol_value(t, SYM(FEATURES));
    r->backquotes = is_fix(backquotes) ? (unsigned)fix_of_obj(backquotes) : 0;
    return true;
}

/* Takes one whitespace character that follows the form. */
static void take_whitespace(Reader *r) {
    if (r->p >= r->end) return;
    uint32_t c = r->wide ? *(const uint32_t *)(const void *)r->p : (uint8_t)*r->p;
    if (c >= CODES || r->kinds[c] != READ_WHITESPACE) return;
    r->p += r->wide ? 4 : 1;
    if (c == '\n') r->line++;
}

/* Where the stream's unread characters lie; false if they are not in memory in a form that the C reader knows. */
static bool reader_attach(Thread *t, Reader *r, Obj s) {
    int64_t position = stream_get(s, STREAM_POSITION), end = stream_get(s, STREAM_END);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_STRING_INPUT: break;
    case STREAM_FD:
        if (stream_get(s, STREAM_CODEC) != CODEC_UTF8 || !stream_is(s, STREAM_INPUT) || is_nil(obj_slots(s)[STREAM_IN_BUFFER])) return false;
        if (position == end && (stream_is(s, STREAM_INTERACTIVE) || stream_fill(t, s, false) <= 0)) return false;
        position = stream_get(s, STREAM_POSITION);
        end = stream_get(s, STREAM_END);
        break;
    default: return false;
    }
    Obj buffer = obj_slots(s)[STREAM_IN_BUFFER];
    r->wide = obj_type(buffer) == TYPE_STRING;
    r->line = (unsigned)stream_get(s, STREAM_LINE) + 1;
    r->p = (const char *)obj_raw(buffer) + (r->wide ? 4 * position : position);
    r->end = (const char *)obj_raw(buffer) + (r->wide ? 4 * end : end);
    return true;
}

static void reader_detach(Reader *r, Obj s) {
    const char *start = obj_raw(obj_slots(s)[STREAM_IN_BUFFER]);
    stream_put(s, STREAM_POSITION, r->wide ? (r->p - start) / 4 : r->p - start);
    stream_put(s, STREAM_LAST, 0);
    stream_put(s, STREAM_LINE, (int64_t)r->line - 1);
}

enum { FAST_TOP = 1, FAST_LIST = 2, FAST_PRESERVE = 4 };

BUILTIN(read_fast, "%READ-FAST", 3, 3, "stream mode backquotes",
        "Tries to read a form from the stream's buffer: the form and T; NIL and :EOF at the end of a string; NIL and :CLOSE behind a closing "
        "parenthesis (with mode 2); or NIL and NIL, nothing consumed, or NIL and :SLOW: neither try the parts.  Mode: 1 at top level, 2 in a list, plus 4 to leave the whitespace behind the form.") {
    Reader r;
    Obj form, s = stream_resolve_input(t, args[0]);
    int64_t mode = is_fix(args[1]) ? fix_of_obj(args[1]) : 0;
    if (!reader_prepare(t, &r, current_readtable(t), args[2]) || !reader_attach(t, &r, s)) return values_2(t, NIL, NIL);
    bool whole = stream_get(s, STREAM_KIND) == STREAM_STRING_INPUT;
    if (read_form(t, &r, &form)) {
        if (r.p == r.end && !whole && r.p[-1] != ')' && r.p[-1] != '"') return values_2(t, NIL, NIL);
        if (!(mode & FAST_PRESERVE)) take_whitespace(&r);
        reader_detach(&r, s);
        return values_2(t, form, T_);
    }
    bool close = r.status == READ_CLOSE && (mode & FAST_LIST), end = r.status == READ_NOTHING && whole;
    if (close || end) {
        reader_detach(&r, s);
        return values_2(t, NIL, close ? SYM(K_CLOSE) : SYM(K_EOF));
    }
    bool hopeless = r.status == READ_DEEP || (whole && (r.status == READ_UNFINISHED || r.status == READ_WRONG));
    return values_2(t, NIL, hopeless ? SYM(K_SLOW) : NIL);
}

/* Reads a form that lies whole in the stream's buffer, or in what can be added to it. */
static bool read_buffered(Thread *t, Reader *r, Obj s, Obj *form) {
    bool file = stream_get(s, STREAM_KIND) == STREAM_FD;
    for (;;) {
        if (!reader_prepare(t, r, current_readtable(t), NIL) || !reader_attach(t, r, s)) return false;
        r->note_places = true;
        bool done = read_form(t, r, form);
        bool cut = file && (done ? r->p == r->end && r->p[-1] != ')' : r->status == READ_UNFINISHED);
        if (done && !cut) return true;
        if (!cut || stream_is(s, STREAM_INTERACTIVE) || stream_fill(t, s, false) <= 0) return false;
    }
}

BUILTIN(read_with_places, "%READ-WITH-PLACES", 1, 1, "stream",
        "Tries to read a form from the stream's buffer, as LOAD does: the form, T and the places of its lists (see text.h); or three times NIL.") {
    Reader r;
    Obj form, s = stream_resolve_input(t, args[0]);
    if (!read_buffered(t, &r, s, &form)) return values_3(t, NIL, NIL, NIL);
    Obj places = reader_places(t, &r);
    reader_detach(&r, s);
    return values_3(t, form, T_, places);
}

BUILTIN_IN_PLACE(read_string_fast, "%READ-STRING-FAST", 4, 4, "string start end preserve",
        "Tries to read a form from a string: form, index behind it, and T; NIL, index and :EOF; or NIL, NIL and NIL.") {
    Reader r;
    uint64_t start, end;
    Obj bounds[4] = {SYM(K_START), args[1], SYM(K_END), args[2]}, form;
    if (!is_string(args[0])) signal_type_error(t, args[0], SYM(STRING));
    Text text = text_of_string(args[0]);
    bounds_from_keywords(t, bounds, 0, 4, text.length, &start, &end);
    if (!reader_prepare(t, &r, current_readtable(t), NIL)) return values_3(t, NIL, NIL, NIL);
    Text part = text_part(text, start, end);
    r.wide = text.wide;
    r.p = part.data;
    r.end = r.p + (text.wide ? 4 * part.length : part.length);
    bool done = read_form(t, &r, &form);
    if (!done && r.status != READ_NOTHING) return values_3(t, NIL, NIL, NIL);
    if (done && is_nil(args[3])) take_whitespace(&r);
    int64_t size = r.p - (const char *)text.data;
    Obj index = obj_of_fix(text.wide ? size / 4 : size);
    return done ? values_3(t, form, index, T_) : values_3(t, NIL, index, SYM(K_EOF));
}

/* -- Tokens gathered for Lisp -- */

enum { TOKEN_CODES, TOKEN_LENGTH, TOKEN_MODE, TOKEN_ESCAPED, TOKEN_SLOTS };
enum { MODE_PLAIN, MODE_ESCAPE, MODE_BARS, MODE_BARS_ESCAPE };
#define ESCAPED_BIT UINT32_C(0x80000000)

BUILTIN(make_token, "%MAKE-TOKEN", 0, 0, "", "An empty token.") {
    Obj codes = alloc_raw(t, TYPE_U32_VECTOR, 32), token = alloc_boxed(t, TYPE_SIMPLE_VECTOR, TOKEN_SLOTS, NIL);
    init_field(token, TOKEN_CODES, codes);
    init_field(token, TOKEN_LENGTH, obj_of_fix(0));
    init_field(token, TOKEN_MODE, obj_of_fix(MODE_PLAIN));
    return token;
}

static Obj need_token(Thread *t, Obj x) {
    if (!has_type(x, TYPE_SIMPLE_VECTOR) || obj_length(x) != TOKEN_SLOTS || !has_type(obj_slots(x)[TOKEN_CODES], TYPE_U32_VECTOR))
        signal_type_error(t, x, SYM(SIMPLE_VECTOR));
    return x;
}

static void token_add(Thread *t, Obj token, uint32_t code) {
    Obj codes = obj_slots(token)[TOKEN_CODES];
    uint64_t n = (uint64_t)fix_of_obj(obj_slots(token)[TOKEN_LENGTH]);
    if (n == obj_length(codes)) {
        Obj larger = alloc_raw(t, TYPE_U32_VECTOR, 2 * n);
        memcpy(obj_raw(larger), obj_raw(codes), 4 * n);
        set_field(t, token, TOKEN_CODES, larger);
        codes = larger;
    }
    ((uint32_t *)obj_raw(codes))[n] = code;
    obj_slots(token)[TOKEN_LENGTH] = obj_of_fix((int64_t)n + 1);
}

/* One more character; true if the token ended before it. */
static bool token_take(Thread *t, Obj token, Obj readtable, uint32_t c) {
    Obj *slots = obj_slots(token);
    int64_t mode = fix_of_obj(slots[TOKEN_MODE]);
    unsigned syntax = syntax_of(readtable, c);
    if (mode == MODE_ESCAPE || mode == MODE_BARS_ESCAPE) {
        token_add(t, token, c | ESCAPED_BIT);
        slots[TOKEN_MODE] = obj_of_fix(mode - 1);
    } else if (syntax == SYNTAX_SINGLE_ESCAPE) {
        slots[TOKEN_ESCAPED] = T_;
        slots[TOKEN_MODE] = obj_of_fix(mode + 1);
    } else if (syntax == SYNTAX_MULTIPLE_ESCAPE) {
        slots[TOKEN_ESCAPED] = T_;
        slots[TOKEN_MODE] = obj_of_fix(mode == MODE_BARS ? MODE_PLAIN : MODE_BARS);
    } else if (mode == MODE_BARS) {
        token_add(t, token, c | ESCAPED_BIT);
    } else if (syntax == SYNTAX_WHITESPACE || syntax == SYNTAX_TERMINATING) {
        return true;
    } else {
        token_add(t, token, c);
    }
    return false;
}

BUILTIN(token_add_char, "%TOKEN-ADD", 3, 3, "token readtable character", "Gives the token its first character.") {
    return obj_of_bool(token_take(t, need_token(t, args[0]), need_readtable(t, args[1]), need_code(t, args[2])));
}

BUILTIN(read_token, "%READ-TOKEN", 3, 3, "stream readtable token",
        "Gathers characters until the token ends: T; :EOF if the stream ends between escapes.  The character behind the token is not consumed.") {
    Obj readtable = need_readtable(t, args[1]), token = need_token(t, args[2]);
    for (;;) {
        int32_t c = stream_read_char(t, args[0]);
        if (c == STREAM_EOF) return fix_of_obj(obj_slots(token)[TOKEN_MODE]) == MODE_PLAIN ? T_ : SYM(K_EOF);
        if (c < 0) stream_give_up(t, c, args[0], "%READ-TOKEN", n, args);
        if (token_take(t, token, readtable, (uint32_t)c)) {
            stream_unread_char(t, args[0]);
            return T_;
        }
    }
}

BUILTIN(skip_whitespace, "%SKIP-WHITESPACE", 2, 2, "stream readtable",
        "Consumes whitespace and the character behind it: three values, the character or NIL at the end, its syntax type, its macro function.") {
    Obj readtable = need_readtable(t, args[1]);
    for (;;) {
        int32_t c = stream_read_char(t, args[0]);
        if (c == STREAM_EOF) return values_3(t, NIL, NIL, NIL);
        if (c < 0) stream_give_up(t, c, args[0], "%SKIP-WHITESPACE", n, args);
        unsigned syntax = syntax_of(readtable, (uint32_t)c);
        if (syntax != SYNTAX_WHITESPACE) return values_3(t, obj_of_char((uint32_t)c), obj_of_fix(syntax), macro_of(readtable, (uint32_t)c));
    }
}

/* -- What a token means -- */

/* For :INVERT: whether all unescaped letters have the same case, and it is to be changed. */
static bool inverts(const uint32_t *codes, uint64_t n) {
    bool upper = false, lower = false;
    for (uint64_t i = 0; i < n; i++) {
        if (codes[i] & ESCAPED_BIT) continue;
        upper = upper || code_downcase(codes[i]) != codes[i];
        lower = lower || code_upcase(codes[i]) != codes[i];
    }
    return upper != lower;
}

/* The token's characters as the readtable's case has them, in a string; its unescaped colons counted. */
static Text token_cased(Thread *t, Obj token, Obj readtable, uint64_t *colons, uint64_t *last_colon) {
    uint64_t n = (uint64_t)fix_of_obj(obj_slots(token)[TOKEN_LENGTH]);
    Obj string = alloc_raw(t, TYPE_STRING, n), mode = obj_slots(readtable)[READTABLE_CASE];
    const uint32_t *from = obj_raw(obj_slots(token)[TOKEN_CODES]);
    uint32_t *to = obj_raw(string);
    bool invert = eq(mode, SYM(K_INVERT)) && inverts(from, n);
    *colons = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t c = from[i];
        if (c == ':') ++*colons, *last_colon = i;
        if (c & ESCAPED_BIT) to[i] = c & ~ESCAPED_BIT;
        else if (eq(mode, SYM(K_UPCASE))) to[i] = code_upcase(c);
        else if (eq(mode, SYM(K_DOWNCASE))) to[i] = code_downcase(c);
        else if (invert) to[i] = code_upcase(c) != c ? code_upcase(c) : code_downcase(c);
        else to[i] = c;
    }
    return (Text){to, n, true};
}

BUILTIN(token_string, "%TOKEN-STRING", 2, 2, "token readtable",
        "The token's characters in a fresh string, in the case of the readtable (as written if it is NIL), and how many package markers are among them.") {
    uint64_t colons = 0, last, length = (uint64_t)fix_of_obj(obj_slots(need_token(t, args[0]))[TOKEN_LENGTH]);
    if (is_nil(args[1])) {
        Obj string = alloc_raw(t, TYPE_STRING, length);
        for (uint64_t i = 0; i < length; i++) {
            uint32_t c = ((uint32_t *)obj_raw(obj_slots(args[0])[TOKEN_CODES]))[i];
            ((uint32_t *)obj_raw(string))[i] = c & ~ESCAPED_BIT;
            if (c == ':') colons++;
        }
        return values_2(t, string, obj_of_fix((int64_t)colons));
    }
    Text text = token_cased(t, args[0], need_readtable(t, args[1]), &colons, &last);
    return values_2(t, string_of_text(t, text), obj_of_fix((int64_t)colons));
}

/* The number that the text denotes, or UNBOUND. */
static Obj text_number(Thread *t, Text text, unsigned base) {
    char *ascii = obj_raw(alloc_raw(t, TYPE_BASE_STRING, text.length + 1));
    for (uint64_t i = 0; i < text.length; i++) {
        if (text_char(text, i) >= CODES) return UNBOUND;
        ascii[i] = (char)text_char(text, i);
    }
    return text.length ? number_parse(t, ascii, text.length, base, symbol_value(t, SYM(READ_DEFAULT_FLOAT_FORMAT))) : UNBOUND;
}

BUILTIN_IN_PLACE(parse_number, "%PARSE-NUMBER", 2, 2, "string base", "The number that the string denotes in the base, or NIL.") {
    if (!is_string(args[0])) signal_type_error(t, args[0], SYM(STRING));
    if (!is_fix(args[1]) || fix_of_obj(args[1]) < 2 || fix_of_obj(args[1]) > 36) signal_type_error(t, args[1], SYM(FIXNUM));
    Obj x = text_number(t, text_of_string(args[0]), (unsigned)fix_of_obj(args[1]));
    return eq(x, UNBOUND) ? NIL : x;
}

/* A symbol with package markers: the object, or what is wrong.  Only an escaped token can have an empty name behind them. */
static Obj marked_symbol(Thread *t, Text text, bool escaped, uint64_t colons, uint64_t last) {
    Obj status, current = symbol_value(t, SYM(PACKAGE_VAR));
    Text name = text_part(text, last + 1, text.length);
    bool two = colons == 2 && last > 0 && text_char(text, last - 1) == ':';
    if ((colons != 1 && !two) || (name.length == 0 && !escaped)) return values_2(t, full_string_of_text(t, text), SYM(K_COLONS));
    Text prefix = text_part(text, 0, two ? last - 1 : last);
    Obj package = prefix.length == 0 ? t->world->package_keyword : package_find_text(t, current, prefix);
    if (is_nil(package)) {
        Obj what = alloc_cons(t, string_of_text(t, prefix), string_of_text(t, name));
        return values_2(t, what, SYM(K_NO_PACKAGE));
    }
    check_not_removed(t, package, name);
    if (two || prefix.length == 0) return values_2(t, package_intern_text(t, package, name, &status), NIL);
    Obj symbol = package_look_up(t, package, name, &status);
    if (eq(status, SYM(K_EXTERNAL))) return values_2(t, symbol, NIL);
    return values_2(t, alloc_cons(t, package, string_of_text(t, name)), SYM(K_NOT_EXTERNAL));
}

BUILTIN(token_object, "%TOKEN-OBJECT", 2, 2, "token readtable",
        "The number or symbol that the token is, and NIL; or something to complain about, and :DOT, :DOTS, :COLONS, :NO-PACKAGE, :NOT-EXTERNAL, :INVALID.") {
    Obj token = need_token(t, args[0]), status, package = symbol_value(t, SYM(PACKAGE_VAR)), base = symbol_value(t, SYM(READ_BASE));
    uint64_t colons, last = 0, dots = 0;
    Text text = token_cased(t, token, need_readtable(t, args[1]), &colons, &last);
    const uint32_t *codes = obj_raw(obj_slots(token)[TOKEN_CODES]);
    while (dots < text.length && codes[dots] == '.') dots++;
    if (dots && dots == text.length && is_nil(obj_slots(token)[TOKEN_ESCAPED])) return values_2(t, NIL, dots == 1 ? SYM(K_DOT) : SYM(K_DOTS));
    for (uint64_t i = 0; i < text.length; i++)
        if (codes[i] == 8 || codes[i] == 127 || (codes[i] < CODES && standard_syntax(codes[i]) == SYNTAX_WHITESPACE))
            return values_2(t, obj_of_char(codes[i]), SYM(K_INVALID));
    if (is_nil(obj_slots(token)[TOKEN_ESCAPED]) && !colons) {
        if (!is_fix(base) || fix_of_obj(base) < 2 || fix_of_obj(base) > 36) signal_type_error(t, base, SYM(FIXNUM));
        Obj number = text_number(t, text, (unsigned)fix_of_obj(base));
        if (!eq(number, UNBOUND)) return values_2(t, number, NIL);
    }
    if (colons) return marked_symbol(t, text, !is_nil(obj_slots(token)[TOKEN_ESCAPED]), colons, last);
    if (!has_type(package, TYPE_PACKAGE)) signal_type_error(t, package, SYM(PACKAGE));
    check_not_removed(t, package, text);
    return values_2(t, package_intern_text(t, package, text, &status), NIL);
}

/* -- Backquote -- */

BUILTIN(bq_expand, "%BQ-EXPAND", 1, 1, "template", "The form that the backquoted template means, and T; NIL and NIL if ,@ stands where nothing can be spliced.") {
    Obj form = backquote_expand(t, args[0]);
    return eq(form, UNBOUND) ? values_2(t, NIL, NIL) : values_2(t, form, T_);
}

BUILTIN(bq_vector, "%BQ-VECTOR", 1, 1, "list", "A fresh simple vector of the list's elements: what a backquoted vector becomes.") {
    uint64_t count = 0, i = 0;
    for (Obj l = args[0]; is_cons(l); l = cdr(l)) count++;
    Obj v = alloc_boxed(t, TYPE_SIMPLE_VECTOR, count, NIL);
    for (Obj l = args[0]; is_cons(l); l = cdr(l)) init_field(v, i++, car(l));
    return v;
}
