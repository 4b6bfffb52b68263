;;; types.lisp: type specifiers: TYPEP, SUBTYPEP, DEFTYPE, TYPE-OF, COERCE (CLHS chapter 4).
;;;
;;; Many specifiers stand for others: FIXNUM for an integer range, (MOD 8) for (INTEGER 0 7), STRING for two kinds of arrays.  %EXPAND-TYPE
;;; takes them to the *primitive* ones, which are
;;;
;;;     T NIL (and ...) (or ...) (not x) (member ...) (eql x) (satisfies f)
;;;     (integer lo hi) (ratio lo hi) (single-float lo hi) (double-float lo hi) (complex part) (%chars lo hi) (cons a b)
;;;     (array element-type dimensions) (simple-array element-type dimensions) (function ...), names of structures and classes, classes
;;;
;;; SUBTYPEP asks whether A and not B is empty.  That is written as a disjunction of *clauses*; a clause is a list of literals, positive and
;;; negative, and the whole is empty if every clause is.  Positive literals belong to *kingdoms* that have nothing in common (integers, ratios,
;;; floats by format, complexes, characters, conses, arrays, classes); within one kingdom the emptiness of "these and not those" is decided exactly:
;;; by sweeping intervals, by splitting products of conses, by trying all kinds of arrays, or by precedence lists.  A clause without
;;; a positive literal is never empty, since new classes can always be made.  What cannot be known (SATISFIES, unknown names) is
;;; an opaque literal; it can make the answer NIL, NIL.
;;;
;;; A compiler macro turns TYPEP with a constant type into predicates.

(in-package "SYS")

;;; -- Names --

(defconstant most-positive-fixnum 2305843009213693951)
(defconstant most-negative-fixnum -2305843009213693952)

(defun %each-pair (function plist)
  (do ((tail plist (cddr tail)))
      ((not tail))
    (funcall function (car tail) (cadr tail))))

(%each-pair (lambda (name predicate) (%set-info name '%type-predicate predicate)) *type-predicates*)
(%each-pair (lambda (name predicate) (%set-info name '%type-predicate predicate))
            '(stream streamp readtable readtablep pathname pathnamep random-state random-state-p bignum %bignump ratio %ratiop
              compiled-function compiled-function-p simple-array %simple-array-p sequence %sequencep base-string %base-string-p simple-string simple-string-p))

(%each-pair
 (lambda (name definition) (%set-info name '%type-definition definition))
 `(list (or cons null) null (eql nil) atom (not cons) boolean (member t nil) bit (integer 0 1)
   fixnum (integer ,most-negative-fixnum ,most-positive-fixnum)
   bignum (or (integer * ,(- most-negative-fixnum 1)) (integer ,(+ most-positive-fixnum 1) *))
   unsigned-byte (integer 0 *) signed-byte (integer * *) rational (or integer ratio) float (or single-float double-float)
   short-float single-float long-float double-float real (or integer ratio single-float double-float)
   number (or integer ratio single-float double-float complex) complex (complex *)
   character (%chars 0 #x10ffff) base-char (%chars 0 127) extended-char (%chars 128 #x10ffff)
   standard-char (or (%chars 32 126) (%chars 10 10))
   sequence (or cons null vector) vector (array * (*)) simple-vector (simple-array t (*))
   string (or (array character (*)) (array base-char (*)) (array nil (*))) base-string (array base-char (*))
   simple-string (or (simple-array character (*)) (simple-array base-char (*)) (simple-array nil (*))) simple-base-string (simple-array base-char (*))
   simple-character-string (simple-array character (*)) bit-vector (array bit (*)) simple-bit-vector (simple-array bit (*))))

(defun %size (arguments)
  (list (if arguments (car arguments) '*)))

(defun %range (arguments)
  (list (if arguments (car arguments) '*) (if (cdr arguments) (cadr arguments) '*)))

(defun %byte-range (arguments signed)
  (let ((size (if arguments (car arguments) '*)))
    (cond ((eq size '*) (if signed '(integer * *) '(integer 0 *)))
          ((not (and (integerp size) (> size 0))) (%bad-type (cons (if signed 'signed-byte 'unsigned-byte) arguments)))
          (signed `(integer ,(- (ash 1 (- size 1))) ,(- (ash 1 (- size 1)) 1)))
          (t `(integer 0 ,(- (ash 1 size) 1))))))

(defun %bad-type (type)
  (error (or (%removed-class-report type) "~S is not a type specifier.") type))

(defun %expand-compound (type)
  "What a standard specifier in list form stands for, or the same object if it is primitive or none of the standard's."
  (let ((arguments (cdr type)))
    (case (car type)
      (unsigned-byte (%byte-range arguments nil))
      (signed-byte (%byte-range arguments t))
      (mod `(integer 0 ,(- (car arguments) 1)))
      (rational `(or (integer ,@(%range arguments)) (ratio ,@(%range arguments))))
      (float `(or (single-float ,@(%range arguments)) (double-float ,@(%range arguments))))
      (real `(or (integer ,@(%range arguments)) (ratio ,@(%range arguments))
                 (single-float ,@(%range arguments)) (double-float ,@(%range arguments))))
      (short-float `(single-float ,@arguments))
      (long-float `(double-float ,@arguments))
      (vector `(array ,(if arguments (car arguments) '*) ,(%size (cdr arguments))))
      (simple-vector `(simple-array t ,(%size arguments)))
      (string `(or (array character ,(%size arguments)) (array base-char ,(%size arguments)) (array nil ,(%size arguments))))
      (simple-string
       `(or (simple-array character ,(%size arguments)) (simple-array base-char ,(%size arguments)) (simple-array nil ,(%size arguments))))
      (base-string `(array base-char ,(%size arguments)))
      (simple-base-string `(simple-array base-char ,(%size arguments)))
      (bit-vector `(array bit ,(%size arguments)))
      (simple-bit-vector `(simple-array bit ,(%size arguments)))
      (t type))))

(defun %type-expand-1 (type)
  "One step: the expansion, and whether there was one."
  (let* ((name (if (consp type) (car type) type))
         (expander (if (symbolp name) (%info name '%type-expander nil) nil)))
    (cond (expander (values (funcall expander type nil) t))
          ((consp type)
           (let ((expansion (%expand-compound type)))
             (if (eq expansion type)
                 (if (and (not (cdr type)) (symbolp name) (%info name '%type-definition nil))
                     (values name t)
                     (values type nil))
                 (values expansion t))))
          ((symbolp type)
           (let ((definition (%info type '%type-definition nil)))
             (if definition (values definition t) (values type nil))))
          (t (values type nil)))))

(defun %expand-type (type)
  "The primitive specifier that TYPE stands for."
  (let ((expanded nil))
    (tagbody
     next
       (multiple-value-setq (type expanded) (%type-expand-1 type))
       (if expanded (go next)))
    type))

(defun type-expand (type)
  "Expands TYPE while it is the name of, or a call of, a type defined by DEFTYPE; whether it was."
  (let ((any nil))
    (tagbody
     next
       (let* ((name (if (consp type) (car type) type))
              (expander (if (symbolp name) (%info name '%type-expander nil) nil)))
         (if expander
             (progn (setq type (funcall expander type nil) any t) (go next)))))
    (values type any)))

(defmacro deftype (name lambda-list &body body)
  `(eval-when (:compile-toplevel :load-toplevel :execute)
     ,@(let ((doc (nth-value 2 (%parse-body body t))))
         (if doc `((%note-documentation ',name 'type ,(car doc)))))
     (%deftype ',name #',(%parse-macro name lambda-list body 'type))))

(defun %deftype (name expander)
  (if (or (%info name '%type-predicate nil) (%info name '%type-definition nil) (memq name '(t nil)))
      (error "The type ~S belongs to the language and cannot be redefined." name))
  (%set-info name '%type-expander expander)
  name)

;;; -- TYPEP --

(defun %in-range-p (number bounds)
  "Whether the real number is within the bounds (lo hi), each a number, a number in a list if it is excluded, or *."
  (let ((lo (if bounds (car bounds) '*)) (hi (if (cdr bounds) (cadr bounds) '*)))
    (and (cond ((eq lo '*) t) ((consp lo) (< (car lo) number)) (t (<= lo number)))
         (cond ((eq hi '*) t) ((consp hi) (< number (car hi))) (t (<= number hi))))))

(defun %dimensions-match-p (array dimensions)
  "DIMENSIONS is *, a rank, or a list of dimensions or *."
  (cond ((eq dimensions '*) t)
        ((integerp dimensions) (= (array-rank array) dimensions))
        (t (let ((rank (array-rank array)) (axis 0))
             (do ((tail dimensions (cdr tail)))
                 ((not tail) (= axis rank))
               (if (or (= axis rank)
                       (not (or (eq (car tail) '*) (eql (car tail) (array-dimension array axis)))))
                   (return nil))
               (setq axis (+ axis 1)))))))

(defun %array-typep (array arguments)
  "Whether the array has the element type and the dimensions of the list."
  (let ((element-type (if arguments (car arguments) '*)) (dimensions (if (cdr arguments) (cadr arguments) '*)))
    (and (or (eq element-type '*)
             (eql (%array-type-code array) (or (%element-type-code element-type) (%type-code element-type))))
         (%dimensions-match-p array dimensions))))

(defun %complex-typep (number arguments)
  (let ((part (if arguments (car arguments) '*)))
    (or (eq part '*)
        (and (typep (realpart number) (upgraded-complex-part-type part))
             (typep (imagpart number) (upgraded-complex-part-type part))))))

(defun %typep-primitive (object type)
  (let ((arguments (cdr type)))
    (case (car type)
      (and (dolist (part arguments t) (if (not (typep object part)) (return nil))))
      (or (dolist (part arguments nil) (if (typep object part) (return t))))
      (not (not (typep object (car arguments))))
      (member (dolist (item arguments nil) (if (eql object item) (return t))))
      (eql (eql object (car arguments)))
      (satisfies (if (funcall (car arguments) object) t nil))
      (integer (and (integerp object) (%in-range-p object arguments)))
      (ratio (and (%ratiop object) (%in-range-p object arguments)))
      (single-float (and (%single-float-p object) (%in-range-p object arguments)))
      (double-float (and (%double-float-p object) (%in-range-p object arguments)))
      (complex (and (complexp object) (%complex-typep object arguments)))
      (%chars (and (characterp object) (<= (car arguments) (char-code object) (cadr arguments))))
      (cons (and (consp object)
                 (or (not arguments) (eq (car arguments) '*) (typep (car object) (car arguments)))
                 (or (not (cdr arguments)) (eq (cadr arguments) '*) (typep (cdr object) (cadr arguments)))))
      (array (and (arrayp object) (%array-typep object arguments)))
      (simple-array (and (%simple-array-p object) (%array-typep object arguments)))
      (function (functionp object))
      (t (if (cdr type) (%bad-type type) (typep object (car type)))))))

(defun %typep-name (object name)
  "TYPEP for a name that is neither predefined nor made by DEFTYPE."
  (let ((layout (%structure-layout name)))
    (cond ((eq name t) t)
          ((not name) nil)
          (layout (%structure-p object layout))
          ((%info name '%class nil) (%instance-typep object (%info name '%class nil)))
          ((%base-class-p name) nil)
          (t (%bad-type name)))))

(defun typep (object type &optional environment)
  "Whether the object is of the type (CLHS TYPEP)."
  (declare (ignore environment))
  (cond ((symbolp type)
         (let ((predicate (%info type '%type-predicate nil)))
           (if predicate
               (funcall predicate object)
               (let ((expanded (%expand-type type)))
                 (if (symbolp expanded) (%typep-name object expanded) (%typep-primitive object expanded))))))
        ((consp type)
         (let ((expanded (%expand-type type)))
           (if (consp expanded) (%typep-primitive object expanded) (typep object expanded))))
        ((%instance-p type) (%instance-typep object type))
        (t (%bad-type type))))

;;; -- SUBTYPEP: literals --
;;;
;;; (:integer lo hi) (:char lo hi)                 bounds included, NIL for none
;;; (:ratio lo lo-open hi hi-open) :single :double  bounds NIL for none
;;; (:complex part)                                 part: RATIONAL, SINGLE-FLOAT or DOUBLE-FLOAT
;;; (:cons car-type cdr-type)
;;; (:array code simple dimensions)                 code NIL: any; SIMPLE NIL: any; dimensions *, or a list
;;; (:class name-or-class)  (:eql object)  (:opaque specifier)

(defun %bound (bound)
  (cond ((eq bound '*) nil) ((consp bound) (car bound)) (t bound)))

(defun %integer-literal (lo hi)
  (let ((low (%bound lo)) (high (%bound hi)))
    (list :integer
          (if low (if (and (consp lo) (integerp low)) (+ low 1) (if (consp lo) (+ (floor low) 1) (ceiling low))) nil)
          (if high (if (and (consp hi) (integerp high)) (- high 1) (if (consp hi) (- (ceiling high) 1) (floor high))) nil))))

(defun %dense-literal (kind lo hi)
  (list kind (%bound lo) (consp lo) (%bound hi) (consp hi)))

(defun %complex-parts (part)
  "The part types of the complex numbers of type (COMPLEX PART)."
  (if (or (eq part '*) (eq part 'real))
      '(rational single-float double-float)
      (let ((upgraded (upgraded-complex-part-type part)))
        (cond ((eq upgraded 'real) '(rational single-float double-float))
              ((eq upgraded 'float) '(single-float double-float))
              (upgraded (list upgraded))
              (t nil)))))

(defun %array-literal (arguments simple)
  (let ((element-type (if arguments (car arguments) '*)) (dimensions (if (cdr arguments) (cadr arguments) '*)))
    (list :array
          (if (eq element-type '*) nil (or (%element-type-code element-type) (%type-code element-type)))
          simple
          (if (integerp dimensions) (%repeat '* dimensions) dimensions))))

(defun %repeat (item count)
  (let ((list nil))
    (dotimes (i count list) (push item list))))

(defun %any-p (arguments)
  (or (not arguments) (eq (car arguments) '*)))

(defun %literal-clauses (literal positive)
  (list (list (cons positive literal))))

(defun %negated-union (clauses-of-each positive)
  "The clauses of a disjunction of literals, or of its negation."
  (if positive
      (%mapcar (lambda (literal) (list (cons t literal))) clauses-of-each)
      (list (%mapcar (lambda (literal) (cons nil literal)) clauses-of-each))))

(defun %clauses-of-list (types positive)
  "The clauses of the disjunction of the types if POSITIVE, else of the conjunction of their negations."
  (if positive
      (let ((clauses nil))
        (dolist (type types clauses)
          (setq clauses (append (%clauses type t) clauses))))
      (let ((clauses (list nil)))
        (dolist (type types clauses)
          (setq clauses (%product clauses (%clauses type nil)))))))

(defun %product (clauses-a clauses-b)
  (let ((product nil))
    (dolist (a clauses-a product)
      (dolist (b clauses-b)
        (let ((clause (append a b)))
          (if (not (%contradiction-p clause)) (push clause product)))))))

(defun %contradiction-p (clause)
  "Whether two positive literals of the clause are of different kingdoms: a cheap test that keeps products small."
  (let ((kingdom nil))
    (dolist (item clause nil)
      (if (and (car item) (not (memq (cadr item) '(:eql :opaque))))
          (cond ((not kingdom) (setq kingdom (cadr item)))
                ((not (eq kingdom (cadr item))) (return t)))))))

(defun %clauses (type positive)
  "The clauses of the type, or of its complement: a list of lists of (sign . literal)."
  (let ((type (%expand-type type)))
    (cond ((eq type t) (if positive (list nil) nil))
          ((not type) (if positive nil (list nil)))
          ((symbolp type) (%name-clauses type positive))
          ((not (consp type))
           (let ((class (%class-or-name type)))
             (if (symbolp class) (%clauses class positive) (%literal-clauses (list :class class) positive))))
          (t (%compound-clauses type (cdr type) positive)))))

(defun %class-or-name (class)
  "For a class with a proper name that name."
  (let ((name (if (fboundp 'class-name) (funcall 'class-name class) nil)))
    (if (and name (symbolp name) (eq (%info name '%class nil) class)) name class)))

(defun %name-clauses (name positive)
  (cond ((memq name '(integer ratio single-float double-float cons array simple-array function))
         (%compound-clauses (list name) nil positive))
        ((or (%base-class-p name) (%structure-layout name) (%info name '%class nil))
         (%literal-clauses (list :class name) positive))
        (t (%literal-clauses (list :opaque name) positive))))

(defun %compound-clauses (type arguments positive)
  (case (car type)
    (not (%clauses (car arguments) (not positive)))
    (or (%clauses-of-list arguments positive))
    (and (%clauses-of-list (%mapcar (lambda (part) `(not ,part)) arguments) (not positive)))
    ((eql member) (%negated-union (%mapcar (lambda (item) (list :eql item)) arguments) positive))
    (integer (%literal-clauses (%integer-literal (car (%range arguments)) (cadr (%range arguments))) positive))
    (ratio (%literal-clauses (%dense-literal :ratio (car (%range arguments)) (cadr (%range arguments))) positive))
    (single-float (%literal-clauses (%dense-literal :single (car (%range arguments)) (cadr (%range arguments))) positive))
    (double-float (%literal-clauses (%dense-literal :double (car (%range arguments)) (cadr (%range arguments))) positive))
    (complex (%negated-union (%mapcar (lambda (part) (list :complex part)) (%complex-parts (if arguments (car arguments) '*))) positive))
    (%chars (%literal-clauses (cons :char arguments) positive))
    (cons (%literal-clauses (list :cons (if (%any-p arguments) t (car arguments)) (if (%any-p (cdr arguments)) t (cadr arguments)))
                            positive))
    (array (%literal-clauses (%array-literal arguments nil) positive))
    (simple-array (%literal-clauses (%array-literal arguments t) positive))
    (function (let ((class (list t :class 'function)))
                (cond ((or (not arguments) (equal arguments '(* *)) (equal arguments '(*))) (%literal-clauses (cdr class) positive))
                      (positive (list (list class (list t :opaque type))))
                      (t (list (list (list nil :class 'function)) (list (list nil :opaque type)))))))
    (satisfies (%literal-clauses (list :opaque type) positive))
    (t (if (and (not (cdr type)) (symbolp (car type)))
           (%name-clauses (car type) positive)
           (%bad-type type)))))

;;; -- Classes --

(defun %base-class-parent (name)
  "The base class above a base class, T if it is a root, NIL if NAME is none.  Base classes are known without the object system."
  (let ((place (%find-key '(symbol t keyword symbol package t hash-table t function t compiled-function function
                            generic-function compiled-function standard-generic-function generic-function stream t file-stream stream
                            string-stream stream synonym-stream stream broadcast-stream stream concatenated-stream stream
                            two-way-stream stream echo-stream stream pathname t logical-pathname pathname readtable t random-state t)
                          name)))
    (if place (car place) nil)))

(defun %base-class-p (name)
  (if (symbolp name) (%base-class-parent name) nil))

(defun %class-below-p (a b)
  "Whether every instance of A is one of B: names or classes."
  (let ((layout-a (if (symbolp a) (%structure-layout a) nil)) (layout-b (if (symbolp b) (%structure-layout b) nil)))
    (cond ((eq a b) t)
          ((and layout-a layout-b) (%layout-below-p layout-a layout-b))
          ((and (%base-class-p a) (%base-class-p b))
           (let ((parent (%base-class-parent a)))
             (and (not (eq parent t)) (%class-below-p parent b))))
          (t (let ((class-a (if (symbolp a) (%info a '%class nil) a)) (class-b (if (symbolp b) (%info b '%class nil) b)))
               (and class-a class-b (%subclassp class-a class-b)))))))

(defun %layout-below-p (a b)
  (let ((depth (%layout-ref b 2)))
    (and (>= (%layout-ref a 2) depth)
         (eq (svref (%layout-ref a 3) depth) b))))

(defun %class-closed-p (class)
  "Whether the class can have nothing in common with a class that is neither above nor below it."
  (and (symbolp class) (or (%base-class-p class) (%structure-layout class)) t))

(defun %common-subclass-p (a b)
  "Whether there is a class below both."
  (let ((class (if (symbolp a) (%info a '%class nil) a)))
    (and class
         (dolist (sub (%direct-subclasses class) nil)
           (if (or (%class-below-p sub b) (%common-subclass-p sub b)) (return t))))))

(defun %classes-empty (positive negative)
  "Emptiness of the instances of all the classes POSITIVE and none of NEGATIVE."
  (let ((open nil))
    (do ((tail positive (cdr tail)))
        ((not tail))
      (dolist (b (cdr tail))
        (let ((a (car tail)))
          (cond ((or (%class-below-p a b) (%class-below-p b a)))
                ((or (%class-closed-p a) (%class-closed-p b)) (return-from %classes-empty t))
                ((%common-subclass-p a b))
                (t (setq open t)))))
      (dolist (b negative)
        (if (%class-below-p (car tail) b) (return-from %classes-empty t))))
    (if open :unknown nil)))

;;; -- Intervals --

(defun %integers-empty (positive negative)
  "Emptiness of the intersection of the ranges (lo hi) POSITIVE without the ranges NEGATIVE."
  (let ((lo nil) (hi nil))
    (dolist (range positive)
      (if (and (car range) (or (not lo) (> (car range) lo))) (setq lo (car range)))
      (if (and (cadr range) (or (not hi) (< (cadr range) hi))) (setq hi (cadr range))))
    (tagbody
     next
       (if (and lo hi (> lo hi)) (return-from %integers-empty t))
       (dolist (range negative)
         (if (and (or (not (car range)) (and lo (<= (car range) lo)))
                  (or (not (cadr range)) (not lo) (>= (cadr range) lo)))
             (if (cadr range)
                 (progn (setq lo (+ (cadr range) 1)) (go next))
                 (return-from %integers-empty t)))))
    nil))

(defun %dense-empty (positive negative integers-excluded)
  "The same for ranges (lo lo-open hi hi-open) of a dense order; points that are integers do not count if INTEGERS-EXCLUDED."
  (let ((lo nil) (lo-open nil) (hi nil) (hi-open nil))
    (dolist (range positive)
      (destructuring-bind (l lx h hx) range
        (cond ((not l)) ((or (not lo) (> l lo)) (setq lo l lo-open lx)) ((= l lo) (setq lo-open (or lo-open lx))))
        (cond ((not h)) ((or (not hi) (< h hi)) (setq hi h hi-open hx)) ((= h hi) (setq hi-open (or hi-open hx))))))
    (tagbody
     next
       (if (and lo hi
                (or (> lo hi)
                    (and (= lo hi) (or lo-open hi-open (and integers-excluded (integerp (rational lo)))))))
           (return-from %dense-empty t))
       (dolist (range negative)
         (destructuring-bind (l lx h hx) range
           (if (and (or (not l) (and lo (or (< l lo) (and (= l lo) (or lo-open (not lx))))))
                    (or (not h) (not lo) (> h lo) (and (= h lo) (not lo-open) (not hx))))
               (if h
                   (progn (setq lo h lo-open (not hx)) (go next))
                   (return-from %dense-empty t))))))
    nil))

;;; -- Conses and arrays --

(defun %empty-p (type)
  "T, NIL or :UNKNOWN: whether the type has no object."
  (%clauses-empty (%clauses type t)))

(defun %conses-empty (positive negative)
  (let ((car-type (cons 'and (%mapcar #'car positive))) (cdr-type (cons 'and (%mapcar #'cadr positive))))
    (%cons-empty car-type cdr-type negative)))

(defun %cons-empty (car-type cdr-type negative)
  "Emptiness of CAR-TYPE x CDR-TYPE without the products NEGATIVE: what is outside the first of them differs in the CAR or in the CDR."
  (let ((car-empty (%empty-p car-type)) (cdr-empty (%empty-p cdr-type)))
    (cond ((or (eq car-empty t) (eq cdr-empty t)) t)
          ((not negative) (if (or car-empty cdr-empty) :unknown nil))
          (t (let* ((first (car negative))
                    (a (%cons-empty `(and ,car-type (not ,(car first))) cdr-type (cdr negative)))
                    (b (if (not a) nil (%cons-empty car-type `(and ,cdr-type (not ,(cadr first))) (cdr negative)))))
               (cond ((and (eq a t) (eq b t)) t)
                     ((or (not a) (not b)) nil)
                     (t :unknown)))))))

(defun %dimensions-below-p (a b)
  "Whether dimensions that match A match B."
  (cond ((eq b '*) t)
        ((eq a '*) nil)
        (t (do ((x a (cdr x)) (y b (cdr y)))
               ((or (not x) (not y)) (and (not x) (not y)))
             (if (not (or (eq (car y) '*) (eql (car x) (car y)))) (return nil))))))

(defun %common-dimensions (a b)
  "What matches both, or :NONE."
  (cond ((eq a '*) b)
        ((eq b '*) a)
        ((not (= (length a) (length b))) :none)
        (t (let ((result nil))
             (do ((x a (cdr x)) (y b (cdr y)))
                 ((not x) (%nreverse-list result))
               (push (cond ((eq (car x) '*) (car y))
                           ((or (eq (car y) '*) (eql (car x) (car y))) (car x))
                           (t (return :none)))
                     result))))))

(defvar *array-codes*
  (%mapcar #'%element-type-code
           '(t nil bit character base-char (unsigned-byte 8) (signed-byte 8) (unsigned-byte 16) (signed-byte 16) (unsigned-byte 32)
             (signed-byte 32) (unsigned-byte 64) (signed-byte 64) fixnum single-float double-float))
  "The codes of all element types.")

(defun %arrays-empty (positive negative)
  "Literals are (code simple dimensions).  An infinite set of dimensions is covered by finitely many patterns only if by one of them."
  (let ((dimensions '*))
    (dolist (literal positive)
      (setq dimensions (%common-dimensions dimensions (caddr literal)))
      (if (eq dimensions :none) (return-from %arrays-empty t)))
    (dolist (code *array-codes* t)
      (dolist (simple '(t nil))
        (if (and (%array-kind-p code simple positive)
                 (not (dolist (literal negative nil)
                        (if (and (%array-kind-p code simple (list literal))
                                 (%dimensions-below-p dimensions (caddr literal)))
                            (return t)))))
            (return-from %arrays-empty nil))))))

(defun %array-kind-p (code simple literals)
  "Whether arrays of the code, simple or not, can be of all the literals."
  (dolist (literal literals t)
    (if (not (and (or (not (car literal)) (eql (car literal) code))
                  (or (not (cadr literal)) simple)))
        (return nil))))

;;; -- Clauses --

(defun %literal-typep (object literal)
  (let ((data (cdr literal)))
    (case (car literal)
      (:integer (and (integerp object) (or (not (car data)) (<= (car data) object)) (or (not (cadr data)) (<= object (cadr data)))))
      (:char (and (characterp object) (<= (car data) (char-code object) (cadr data))))
      (:ratio (and (%ratiop object) (%in-dense-p object data)))
      (:single (and (%single-float-p object) (%in-dense-p object data)))
      (:double (and (%double-float-p object) (%in-dense-p object data)))
      (:complex (and (complexp object) (typep (realpart object) (car data))))
      (:cons (and (consp object) (typep (car object) (car data)) (typep (cdr object) (cadr data))))
      (:array (and (arrayp object)
                   (or (not (car data)) (eql (car data) (%array-type-code object)))
                   (or (not (cadr data)) (%simple-array-p object))
                   (%dimensions-match-p object (caddr data))))
      (:eql (eql object (car data)))
      (:class (typep object (car data)))
      (t :unknown))))

(defun %in-dense-p (number range)
  (destructuring-bind (lo lo-open hi hi-open) range
    (and (or (not lo) (if lo-open (< lo number) (<= lo number)))
         (or (not hi) (if hi-open (< number hi) (<= number hi))))))

(defun %object-clause-empty (object clause)
  "Whether the clause excludes the object."
  (let ((unknown nil))
    (dolist (item clause (if unknown :unknown nil))
      (let ((answer (%literal-typep object (cdr item))))
        (cond ((eq answer :unknown) (setq unknown t))
              ((if answer (not (car item)) (car item)) (return t)))))))

(defun %clause-data (clause kingdom sign)
  "The data of the literals of the kingdom that have the sign."
  (let ((data nil))
    (dolist (item clause data)
      (if (and (eq (cadr item) kingdom) (if (car item) sign (not sign)))
          (push (cddr item) data)))))

(defun %excluded-points (clause)
  "Ranges for the numbers and characters that the clause excludes one by one: a property list of kingdoms and lists of ranges."
  (let ((integers nil) (chars nil) (ratios nil) (singles nil) (doubles nil))
    (dolist (data (%clause-data clause :eql nil))
      (let ((x (car data)))
        (cond ((integerp x) (push (list x x) integers))
              ((characterp x) (push (list (char-code x) (char-code x)) chars))
              ((%ratiop x) (push (list x nil x nil) ratios))
              ((and (floatp x) (= x 0)
                    ;; Only both zeros together make a range.
                    (not (dolist (other (%clause-data clause :eql nil) nil)
                           (if (eql (car other) (- x)) (return t))))))
              ((%single-float-p x) (push (list x nil x nil) singles))
              ((%double-float-p x) (push (list x nil x nil) doubles)))))
    (list :integer integers :char chars :ratio ratios :single singles :double doubles)))

(defun %kingdom-empty (kingdom clause)
  (let ((positive (%clause-data clause kingdom t)) (negative (%clause-data clause kingdom nil)))
    (case kingdom
      ((:integer :char :ratio :single :double)
       (let ((negative (append (car (%find-key (%excluded-points clause) kingdom)) negative)))
         (if (memq kingdom '(:integer :char))
             (%integers-empty positive negative)
             (%dense-empty positive negative (eq kingdom :ratio)))))
      (:complex
       (let ((part (car (car positive))))
         (dolist (data positive) (if (not (eq (car data) part)) (return-from %kingdom-empty t)))
         (dolist (data negative nil) (if (eq (car data) part) (return t)))))
      (:cons (%conses-empty positive negative))
      (:array (%arrays-empty positive negative))
      (t (%classes-empty (%mapcar #'car positive) (%mapcar #'car negative))))))

(defun %opaque-contradiction-p (clause)
  (dolist (a (%clause-data clause :opaque t) nil)
    (dolist (b (%clause-data clause :opaque nil))
      (if (equal a b) (return-from %opaque-contradiction-p t)))))

(defun %clause-empty (clause)
  "T, NIL or :UNKNOWN: whether no object satisfies the clause."
  (let ((kingdom nil) (opaque nil))
    (dolist (item clause)
      (case (cadr item)
        (:eql (if (car item) (return-from %clause-empty (%object-clause-empty (caddr item) clause))))
        (:opaque (setq opaque t))
        (t (if (car item) (setq kingdom (cadr item))))))
    (cond ((%contradiction-p clause) t)
          ((and opaque (%opaque-contradiction-p clause)) t)
          (t (let ((answer (if kingdom (%kingdom-empty kingdom clause) nil)))
               (if (and opaque (not answer)) :unknown answer))))))

(defun %clauses-empty (clauses)
  (let ((answer t))
    (dolist (clause clauses answer)
      (let ((empty (%clause-empty clause)))
        (cond ((not empty) (return nil))
              ((eq empty :unknown) (setq answer :unknown)))))))

(defun subtypep (type-1 type-2 &optional environment)
  "Whether TYPE-1 is a subtype of TYPE-2, and whether that is certain (CLHS SUBTYPEP)."
  (declare (ignore environment))
  (if (or (eq type-1 type-2) (eq type-2 t) (not type-1))
      (values t t)
      (let ((answer t) (negation (%clauses type-2 nil)))
        (dolist (a (%clauses type-1 t))
          (dolist (b negation)
            (let ((empty (%clause-empty (append a b))))
              (cond ((not empty) (return-from subtypep (values nil t)))
                    ((eq empty :unknown) (setq answer :unknown))))))
        (if (eq answer t) (values t t) (values nil nil)))))

;;; -- TYPEP with a constant type --

(defun %simple-test-p (type)
  "Whether the expanded type can be tested by a form of predicates that is worth its size."
  (and (consp type) (memq (car type) '(and or not member eql satisfies integer ratio single-float double-float cons)) t))

(defun %range-test (variable predicate bounds)
  (let ((lo (car (%range bounds))) (hi (cadr (%range bounds))))
    `(and (,(if (and (eq predicate 'integerp) (%fixnump lo) (%fixnump hi)) '%fixnump predicate) ,variable)
          ,@(cond ((eq lo '*) nil) ((consp lo) `((< ,(car lo) ,variable))) (t `((<= ,lo ,variable))))
          ,@(cond ((eq hi '*) nil) ((consp hi) `((< ,variable ,(car hi)))) (t `((<= ,variable ,hi)))))))

(defun %part-test (reader variable type)
  "The tests of the CAR or CDR: a list."
  (if (or (eq type t) (eq type '*))
      nil
      (let ((part (make-symbol "PART")))
        (list `(let ((,part (,reader ,variable))) ,(%typep-form part type))))))

(defun %typep-form (variable type)
  "A form that tests the value of the variable, which may be evaluated several times."
  (let ((predicate (if (symbolp type) (%info type '%type-predicate nil) nil)))
    (if predicate
        (list predicate variable)
        (let ((expanded (%expand-type type)))
          (cond ((eq expanded t) t)
                ((not expanded) nil)
                ((and (symbolp expanded) (%info expanded '%type-predicate nil)) (%typep-form variable expanded))
                ((and (symbolp expanded) (%structure-layout expanded)) `(%structure-p ,variable ',(%structure-layout expanded)))
                ((and (symbolp expanded) (%info expanded '%class nil))
                 `(%instance-typep ,variable (load-time-value (find-class ',expanded))))
                ((%simple-test-p expanded) (%compound-test variable expanded (cdr expanded)))
                (t `(locally (declare (notinline typep)) (typep ,variable ',type))))))))

(defun %compound-test (variable type arguments)
  (case (car type)
    (and `(and ,@(%mapcar (lambda (part) (%typep-form variable part)) arguments)))
    (or `(or ,@(%mapcar (lambda (part) (%typep-form variable part)) arguments)))
    (not `(not ,(%typep-form variable (car arguments))))
    ((member eql) (if arguments `(if ,(%key-test variable arguments) t nil) nil))
    (satisfies `(if (,(car arguments) ,variable) t nil))
    (integer (%range-test variable 'integerp arguments))
    (ratio (%range-test variable '%ratiop arguments))
    (single-float (%range-test variable '%single-float-p arguments))
    (double-float (%range-test variable '%double-float-p arguments))
    (t `(and (consp ,variable)
             ,@(%part-test 'car variable (if arguments (car arguments) t))
             ,@(%part-test 'cdr variable (if (cdr arguments) (cadr arguments) t))))))

(define-compiler-macro typep (&whole form object type &optional (environment nil environment-p))
  (declare (ignore environment))
  (if (and (consp type) (eq (car type) 'quote) (not environment-p))
      (if (symbolp object)
          (%typep-form object (cadr type))
          (let ((variable (make-symbol "OBJECT")))
            `(let ((,variable ,object)) (declare (ignorable ,variable)) ,(%typep-form variable (cadr type)))))
      form))

;;; -- TYPE-OF --

(defun %array-type-of (array)
  (let ((element-type (array-element-type array)) (dimensions (array-dimensions array)) (simple (%simple-array-p array)))
    (cond ((not (= (array-rank array) 1)) (list (if simple 'simple-array 'array) element-type dimensions))
          ((and simple (eq element-type t)) (cons 'simple-vector dimensions))
          ((eq element-type 'base-char) (cons (if simple 'simple-base-string 'base-string) dimensions))
          ((eq element-type 'bit) (cons (if simple 'simple-bit-vector 'bit-vector) dimensions))
          (simple (list 'simple-array element-type dimensions))
          (t (list* 'vector element-type dimensions)))))

(defun %integer-type-of (integer)
  (cond ((memq integer '(0 1)) 'bit)
        ((%fixnump integer) (if (> integer 0) `(integer 0 ,most-positive-fixnum) 'fixnum))
        ((> integer 0) `(integer ,(+ most-positive-fixnum 1)))
        (t 'bignum)))

(defun type-of (object)
  "A type specifier for the object that names all standard types it is of (CLHS TYPE-OF)."
  (cond ((symbolp object)
         (cond ((not object) 'null) ((eq object t) 'boolean) ((keywordp object) 'keyword) (t 'symbol)))
        ((consp object) 'cons)
        ((integerp object) (%integer-type-of object))
        ((%single-float-p object) 'single-float)
        ((%double-float-p object) 'double-float)
        ((characterp object) (cond ((standard-char-p object) 'standard-char) ((< (char-code object) 128) 'base-char) (t 'extended-char)))
        ((arrayp object) (%array-type-of object))
        ((%ratiop object) 'ratio)
        ((complexp object)
         `(complex ,(cond ((%single-float-p (realpart object)) 'single-float)
                          ((%double-float-p (realpart object)) 'double-float)
                          (t 'rational))))
        ((%structurep object) (%layout-ref (%layout-of object) 0))
        (t (let* ((class (class-of object)) (name (class-name class)))
             (cond ((and name (eq (find-class name nil) class)) (if (eq name 'function) 'compiled-function name))
                   (t class))))))

;;; -- COERCE --

(defun %coercion-failure (object type)
  (error 'type-error :datum object :expected-type type))

(defun %one-element-type-p (types)
  "Whether the vector types among TYPES have the same element type."
  (let ((code nil))
    (dolist (type types t)
      (multiple-value-bind (vector element-type) (%vector-type-parts (%expand-type type))
        (if vector
            (cond ((not code) (setq code (%type-code element-type)))
                  ((not (eql code (%type-code element-type))) (return nil))))))))

(defun %vector-type-parts (type)
  "For an expanded type of vectors: true, the element type (T if it is open) and the length or NIL."
  (cond ((not (consp type)) (values nil nil nil))
        ((and (memq (car type) '(array simple-array))
              (let ((dimensions (if (cddr type) (caddr type) '*)))
                (or (eq dimensions '*) (eql dimensions 1) (and (consp dimensions) (not (cdr dimensions))))))
         (let ((element-type (if (cdr type) (cadr type) '*)) (dimensions (if (cddr type) (caddr type) '*)))
           (values t (if (eq element-type '*) t element-type)
                   (if (and (consp dimensions) (integerp (car dimensions))) (car dimensions) nil))))
        ((and (eq (car type) 'or) (not (subtypep type 'string)) (not (%one-element-type-p (cdr type)))) (values nil nil nil))
        ((memq (car type) '(or and))
         (dolist (part (cdr type) (values nil nil nil))
           (multiple-value-bind (vector element-type length) (%vector-type-parts (%expand-type part))
             (if vector (return (values vector element-type length))))))
        (t (values nil nil nil))))

(defun %coerce-to-vector (sequence element-type length type)
  (let ((size (length sequence)))
    (if (and length (not (= size length))) (%coercion-failure sequence type))
    (replace (make-array size :element-type element-type) sequence)))

(defun %coerce-to-list (sequence)
  (if (listp sequence) sequence (%concatenate-list sequence)))

(defun %coerce-to-function (object)
  (cond ((functionp object) object)
        ((and (consp object) (memq (car object) '(lambda named-lambda))) (%compile-lambda object nil))
        (t (let ((name object))
             (if (or (not (fboundp name)) (and (symbolp name) (%symbol-flag-p name 20)))
                 (error 'undefined-function :name name))
             (fdefinition name)))))

(defun %coerce-to-complex (number type)
  (let ((part (if (and (consp type) (cdr type)) (cadr type) '*)))
    (if (not (numberp number)) (%coercion-failure number type))
    (cond ((eq part '*) (if (complexp number) number (complex number)))
          ((complexp number) (complex (coerce (realpart number) part) (coerce (imagpart number) part)))
          ((subtypep part 'rational) (complex number))
          (t (complex (coerce number part) (coerce 0 part))))))

(defun %coerce-number (object type expanded)
  (if (not (realp object)) (%coercion-failure object type))
  (let ((result (case (car expanded)
                  (single-float (float object 1f0))
                  (double-float (float object 1d0))
                  (t (float object)))))
    (if (typep result type) result (%coercion-failure object type))))

(defun %float-types-p (types)
  (dolist (type types t)
    (if (not (memq (if (consp type) (car type) type) '(single-float double-float))) (return nil))))

(defun coerce (object type)
  "The object converted to the type (CLHS COERCE)."
  (if (typep object type) (return-from coerce object))
  (if (not (or (symbolp type) (consp type))) (setq type (%class-or-name type)))
  (let ((expanded (%expand-type type)))
    (if (symbolp expanded) (setq expanded (list expanded)))
    (cond ((and (eq (car expanded) 'or) (memq 'cons expanded) (memq 'null expanded))
           (if (typep object 'sequence) (%coerce-to-list object) (%coercion-failure object type)))
          ((memq (car expanded) '(single-float double-float)) (%coerce-number object type expanded))
          ((and (eq (car expanded) 'or) (%float-types-p (cdr expanded))) (%coerce-number object type expanded))
          ((eq (car expanded) '%chars)
           (let ((character (character object)))
             (if (typep character type) character (%coercion-failure object type))))
          ((eq (car expanded) 'complex) (%coerce-to-complex object expanded))
          ((eq (car expanded) 'function) (%coerce-to-function object))
          ((and (eq (car expanded) 'cons) (typep object 'sequence))
           (let ((list (%coerce-to-list object)))
             (if (typep list type) list (%coercion-failure object type))))
          (t (multiple-value-bind (vector element-type length) (%vector-type-parts expanded)
               (if (and vector (typep object 'sequence))
                   (let ((result (%coerce-to-vector object element-type length type)))
                     (if (typep result type) result (%coercion-failure object type)))
                   (%coercion-failure object type)))))))

(defun %coerce-to-vector-type (object type element-type)
  "The list or vector OBJECT as a simple vector of the element type, T or CHARACTER; TYPE is for the error."
  (if (or (listp object) (vectorp object))
      (replace (if (eq element-type t) (%make-simple-array nil (length object)) (make-string (length object))) object)
      (%coercion-failure object type)))

(defun %list-of-sequence (object)
  (cond ((listp object) object)
        ((vectorp object) (%coerce-to-list object))
        (t (%coercion-failure object 'list))))

(define-compiler-macro coerce (&whole form object type)
  (if (and (consp type) (eq (car type) 'quote))
      (let* ((type (cadr type)) (predicate (if (symbolp type) (%info type '%type-predicate nil) nil)) (variable (make-symbol "OBJECT")))
        (case type
          (single-float `(float (the real ,object) 1f0))
          (double-float `(float (the real ,object) 1d0))
          (character `(character ,object))
          (list `(%list-of-sequence ,object))
          ((vector simple-vector string simple-string function)
           `(let ((,variable ,object))
              (if (,predicate ,variable)
                  ,variable
                  ,(if (eq type 'function)
                       `(%coerce-to-function ,variable)
                       `(%coerce-to-vector-type ,variable ',type ',(if (memq type '(vector simple-vector)) t 'character))))))
          (t form)))
      form))
