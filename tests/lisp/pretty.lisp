;;; pretty.lisp: section 22.2 of the standard: logical blocks, conditional newlines, indentation, tabs, dispatch tables.
;;;
;;; The right margin is given throughout; miser style is off unless it is what is tested.
(setq *print-pretty* nil)
(defmacro pp ((margin &rest bindings) &body body)
  "What BODY writes to S with *PRINT-PRETTY* and the right margin, on a line of its own."
  `(with-output-to-string (s)
     (let* ((*print-pretty* t) (*print-right-margin* ,margin) (*print-miser-width* nil) (*print-lines* nil) ,@bindings)
       ,@body)))
(defun items (s list kind &rest keys)
  "Writes LIST in a block with newlines of the kind."
  (apply (lambda (&key (prefix "(") (suffix ")") (indent nil))
           (pprint-logical-block (s list :prefix prefix :suffix suffix)
             (when indent (pprint-indent :block indent s))
             (pprint-exit-if-list-exhausted)
             (loop (write (pprint-pop) :stream s)
                   (pprint-exit-if-list-exhausted)
                   (write-char #\Space s)
                   (pprint-newline kind s))))
         keys))
;;; -- Linear --
(check (pp (20) (items s '(a b c) :linear)) => "(A B C)")
(check (pp (7) (items s '(a b c) :linear)) => "(A B C)")
(check (pp (6) (items s '(a b c) :linear)) => "(A
 B
 C)")
(check (pp (3) (items s '(a b c) :linear)) => "(A
 B
 C)")
(check (pp (10) (items s '(aaaa bbbb cccc) :linear)) => "(AAAA
 BBBB
 CCCC)")
(check (pp (10) (items s '(aaaa bbbb cccc) :linear :indent 2)) => "(AAAA
   BBBB
   CCCC)")
(check (pp (10) (items s '(aaaa bbbb cccc) :linear :indent -1)) => "(AAAA
BBBB
CCCC)")
(check (pp (10) (items s '() :linear)) => "()")
(check (pp (1) (items s '(a) :linear)) => "(A)")
(check (pp (10) (items s '(aaaa bbbb cccc) :linear :prefix "[[" :suffix "]]")) => "[[AAAA
  BBBB
  CCCC]]")
(check (pp (10) (items s '(aaaa bbbb cccc) :linear :prefix "" :suffix "")) => "AAAA
BBBB
CCCC")
(check (pp (5) (write-string "ab" s) (items s '(a b c) :linear)) => "ab(A
   B
   C)")
;;; -- Fill --
(check (pp (20) (items s '(a b c d e f) :fill)) => "(A B C D E F)")
(check (pp (8) (items s '(a b c d e f) :fill)) => "(A B C
 D E F)")
(check (pp (7) (items s '(a b c d e f) :fill)) => "(A B C
 D E F)")
(check (pp (6) (items s '(a b c d e f) :fill)) => "(A B
 C D
 E F)")
(check (pp (2) (items s '(a b c) :fill)) => "(A
 B
 C)")
(check (pp (12) (items s '(aaa bb cccc d eeeee ff g) :fill)) => "(AAA BB
 CCCC D
 EEEEE FF G)")
(check (pp (12) (items s '(aaa bb cccc d eeeee ff g) :fill :indent 2)) => "(AAA BB
   CCCC D
   EEEEE FF
   G)")
(check (pp (8) (items s '(aaa bbbbbbbbbbbbbb c d) :fill)) => "(AAA
 BBBBBBBBBBBBBB
 C D)")
;;; -- Mandatory --
(check (pp (80) (items s '(a b c) :mandatory)) => "(A
 B
 C)")
(check (pp (80) (items s '(a b c) :mandatory :indent 3)) => "(A
    B
    C)")
(check (pp (80) (pprint-logical-block (s nil) (write-string "a" s) (pprint-newline :mandatory s) (write-string "b" s))) => "a
b")
(check (pp (80) (pprint-logical-block (s nil) (write-string "a " s) (pprint-newline :linear s) (write-string "b" s) (pprint-newline :mandatory s) (write-string "c" s))) => "a
b
c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "a " s) (pprint-newline :linear s)
              (pprint-logical-block (s nil :prefix "<" :suffix ">") (write-string "b" s) (pprint-newline :mandatory s) (write-string "c" s)))) => "a
<b
 c>")
(check (pp (80) (pprint-logical-block (s nil) (write-string "a  " s) (pprint-newline :mandatory s) (write-string "b" s))) => "a
b")
;;; -- Miser --
(check (pp (80) (items s '(a b c) :miser)) => "(A B C)")
(check (pp (6) (items s '(aaa bbb ccc) :miser)) => "(AAA BBB CCC)")
(check (pp (6 (*print-miser-width* 10)) (items s '(aaa bbb ccc) :miser)) => "(AAA
 BBB
 CCC)")
(check (pp (20 (*print-miser-width* 20)) (items s '(aaa bbb ccc) :miser)) => "(AAA BBB CCC)")
(check (pp (12 (*print-miser-width* 20)) (items s '(aaa bb ccc dd) :fill)) => "(AAA
 BB
 CCC
 DD)")
(check (pp (12 (*print-miser-width* 12)) (items s '(aaa bb ccc dd) :linear :indent 3)) => "(AAA
 BB
 CCC
 DD)")
(check (pp (12 (*print-miser-width* 5)) (items s '(aaa bb ccc dd) :linear :indent 3)) => "(AAA
    BB
    CCC
    DD)")
(check (pp (12 (*print-miser-width* nil)) (items s '(aaa bb ccc dd) :fill :indent 3)) => "(AAA BB CCC
    DD)")
;;; -- Nested blocks --
(defun nested (s x kind)
  (if (consp x)
      (pprint-logical-block (s x :prefix "(" :suffix ")")
        (loop (nested s (pprint-pop) kind)
              (pprint-exit-if-list-exhausted)
              (write-char #\Space s)
              (pprint-newline kind s)))
      (write x :stream s)))
(check (pp (80) (nested s '(a (b c) (d (e f))) :linear)) => "(A (B C) (D (E F)))")
(check (pp (16) (nested s '(a (b c) (d (e f))) :linear)) => "(A
 (B C)
 (D (E F)))")
(check (pp (10) (nested s '(a (b c) (d (e f))) :linear)) => "(A
 (B C)
 (D
  (E F)))")
(check (pp (8) (nested s '(a (b c) (d (e f))) :linear)) => "(A
 (B C)
 (D
  (E
   F)))")
(check (pp (6) (nested s '(a (b c) (d (e f))) :linear)) => "(A
 (B
  C)
 (D
  (E
   F)))")
(check (pp (12) (nested s '((aa bb) (cc dd) (ee ff)) :linear)) => "((AA BB)
 (CC DD)
 (EE FF))")
(check (pp (12) (nested s '((aa bb) (cc dd) (ee ff)) :fill)) => "((AA BB)
 (CC DD)
 (EE FF))")
(check (pp (16) (nested s '((aa bb) (cc dd) (ee ff)) :fill)) => "((AA BB)
 (CC DD)
 (EE FF))")
(check (pp (17) (nested s '((aa bb) (cc dd) (ee ff)) :fill)) => "((AA BB) (CC DD)
 (EE FF))")
(check (pp (18) (nested s '((aa bb) (cc dd) (ee ff)) :fill)) => "((AA BB) (CC DD)
 (EE FF))")
(check (pp (10) (nested s '((aa bb cc dd) ee) :fill)) => "((AA BB
  CC DD)
 EE)")
(check (pp (10) (nested s '((aa bb cc dd) ee ff) :fill)) => "((AA BB
  CC DD)
 EE FF)")
(check (pp (9) (nested s '(x (y (z (w)))) :fill)) => "(X
 (Y
  (Z
   (W))))")
(check (pp (10) (nested s '(((((a b) c) d) e) f) :linear)) => "(((((A B)
    C)
   D)
  E)
 F)")
(check (pp (12) (nested s '(((((a b) c) d) e) f) :linear)) => "(((((A B)
    C)
   D)
  E)
 F)")
(check (pp (14) (nested s '(alpha (beta gamma) (delta (epsilon))) :linear)) => "(ALPHA
 (BETA GAMMA)
 (DELTA
  (EPSILON)))")
(check (pp (20) (nested s '(alpha (beta gamma) (delta (epsilon))) :fill)) => "(ALPHA (BETA GAMMA)
 (DELTA (EPSILON)))")
(check (loop for m from 1 to 30 collect (count #\Newline (pp (m) (nested s '(alpha (beta gamma) (delta (epsilon zeta) eta) theta) :linear)))) => (7 7 7 7 7 7 7 7 7 7 7 7 7 6 6 6 5 5 5 5 5 5 5 5 5 5 5 3 3 3))
(check (loop for m from 1 to 30 collect (count #\Newline (pp (m) (nested s '(alpha (beta gamma) (delta (epsilon zeta) eta) theta) :fill)))) => (7 7 7 7 7 7 7 7 7 7 7 7 7 6 6 6 5 5 5 4 4 3 3 3 3 3 3 2 2 2))
(check (loop for m from 5 to 40 collect (length (pp (m) (nested s '((a b) ((c d) (e f (g h) i)) (j (k (l (m n))))) :fill)))) => (83 83 78 75 71 71 71 71 63 63 59 59 53 53 51 51 51 51 49 49 49 49 49 49 48 48 48 48 48 48 48 48 48 48 48 48))
(check (loop for m from 5 to 40 collect (length (pp (m) (nested s '((a b) ((c d) (e f (g h) i)) (j (k (l (m n))))) :linear)))) => (83 83 81 78 74 74 74 74 69 69 65 65 53 53 51 51 51 51 49 49 49 49 49 49 49 49 49 49 49 49 49 49 49 49 49 49))
;;; -- Indentation --
(check (pp (6) (pprint-logical-block (s '(1 2) :prefix "(" :suffix ")") (write-string "ab " s) (pprint-indent :current 0 s) (write-string "c " s) (pprint-newline :linear s) (write-string "d" s))) => "(ab c
    d)")
(check (pp (6) (pprint-logical-block (s '(1 2) :prefix "(" :suffix ")") (write-string "ab " s) (pprint-indent :current -1 s) (write-string "c " s) (pprint-newline :linear s) (write-string "d" s))) => "(ab c
   d)")
(check (pp (6) (pprint-logical-block (s '(1 2) :prefix "(" :suffix ")") (write-string "ab " s) (pprint-indent :block 2 s) (write-string "c " s) (pprint-newline :linear s) (write-string "d" s))) => "(ab c
   d)")
(check (pp (6) (pprint-logical-block (s nil) (write-string "a" s) (pprint-indent :block 4 s) (pprint-newline :mandatory s) (write-string "b" s) (pprint-indent :block 0 s) (pprint-newline :mandatory s) (write-string "c" s))) => "a
    b
c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "abc" s) (pprint-indent :current 0 s) (pprint-newline :mandatory s) (write-string "d" s) (pprint-newline :mandatory s) (write-string "e" s))) => "abc
   d
   e")
(check (pp (80) (write-string "12345" s) (pprint-logical-block (s nil) (write-string "a" s) (pprint-newline :mandatory s) (write-string "b" s))) => "12345a
     b")
(check (pp (80) (pprint-logical-block (s nil) (write-string "a" s) (pprint-indent :block 1.0 s) (pprint-newline :mandatory s) (write-string "b" s))) => "a
 b")
;;; -- Per-line prefix, newlines in text --
(check (pp (80) (pprint-logical-block (s nil :per-line-prefix ";; ") (write-string "a" s) (pprint-newline :mandatory s) (write-string "b" s))) => ";; a
;; b")
(check (pp (80) (pprint-logical-block (s nil :per-line-prefix "> " :suffix "<") (write-string "a" s) (terpri s) (write-string "b" s))) => "> a
> b<")
(check (pp (80) (write-string "xx" s) (pprint-logical-block (s nil :per-line-prefix "> ") (write-string "a" s) (pprint-newline :mandatory s) (write-string "b" s))) => "xx> a
  > b")
(check (pp (80) (pprint-logical-block (s nil :per-line-prefix "A ") (pprint-logical-block (s nil :per-line-prefix "B ") (write-string "a" s) (pprint-newline :mandatory s) (write-string "b" s)) (pprint-newline :mandatory s) (write-string "c" s))) => "A B a
A B b
A c")
(check (pp (80) (pprint-logical-block (s nil :prefix "<" :suffix ">") (write-string "a" s) (terpri s) (write-string "b" s))) => "<a
b>")
(check (pp (80) (pprint-logical-block (s nil :prefix "<" :suffix ">") (format s "a~%b~%c"))) => "<a
b
c>")
(check (pp (10) (pprint-logical-block (s '(aaaa bbbb cccc) :per-line-prefix "; ") (loop (princ (pprint-pop) s) (pprint-exit-if-list-exhausted) (write-char #\Space s) (pprint-newline :fill s)))) => "; AAAA
; BBBB
; CCCC")
(check (pprint-logical-block (*standard-output* nil :prefix 3) nil) =!> TYPE-ERROR)
(check (pprint-logical-block (*standard-output* nil :suffix 3) nil) =!> TYPE-ERROR)
(check (eval '(pprint-logical-block (*standard-output* nil :prefix "a" :per-line-prefix "b") nil)) =!> ERROR)
;;; -- Tabs --
(check (pp (80) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :line 5 1 s) (write-string "c" s))) => "ab   c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "abcdef" s) (pprint-tab :line 5 3 s) (write-string "c" s))) => "abcdef  c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :line-relative 3 1 s) (write-string "c" s))) => "ab   c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :line-relative 1 4 s) (write-string "c" s))) => "ab  c")
(check (pp (80) (write-string "xyz" s) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :section 5 1 s) (write-string "c" s))) => "xyzab   c")
(check (pp (80) (write-string "xyz" s) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :section-relative 1 4 s) (write-string "c" s))) => "xyzab  c")
(check (pp (80) (write-string "xyz" s) (pprint-logical-block (s nil) (write-string "ab" s) (pprint-tab :line 8 1 s) (write-string "c" s))) => "xyzab   c")
(check (pp (80) (pprint-logical-block (s nil) (write-string "ab " s) (pprint-newline :mandatory s) (write-string "c" s) (pprint-tab :section 4 1 s) (write-string "d" s))) => "ab
c   d")
(check (pp (80) (pprint-logical-block (s nil) (write-string "ab " s) (pprint-newline :linear s) (write-string "c" s) (pprint-tab :section 4 1 s) (write-string "d" s))) => "ab c   d")
(check (pp (80) (pprint-logical-block (s nil :prefix "[" :suffix "]") (write-string "ab" s) (pprint-tab :section 4 2 s) (write-string "d" s) (pprint-tab :section 9 2 s) (write-string "e" s))) => "[ab  d    e]")
(check (pp (80) (format s "~<a~5:Tb~:>" '())) => "a    b")
(check (pp (80) (format s "~<a~2,4:@Tb~:>" '())) => "a   b")
(check (pp (80) (format s "~<abc~8Td~:>" '())) => "abc     d")
(check (pp (80) (format s "~<abc~2,4@Td~:>" '())) => "abc     d")
(check (with-output-to-string (s) (pprint-tab :line 5 1 s) (pprint-newline :mandatory s) (pprint-indent :block 3 s)) => "")
(check (pprint-tab :foo 1 1) =!> ERROR)
(check (pprint-newline :foo) =!> ERROR)
(check (pprint-indent :foo 1) =!> ERROR)
;;; -- Without *PRINT-PRETTY* --
(check (with-output-to-string (s) (items s '(a b c) :mandatory)) => "(A B C)")
(check (with-output-to-string (s) (pprint-logical-block (s '(1 2) :prefix "<" :suffix ">") (princ (pprint-pop) s))) => "<1>")
(check (with-output-to-string (s) (pprint-logical-block (s 5 :prefix "<" :suffix ">") (princ "no" s))) => "5")
(check (with-output-to-string (s) (let ((*print-length* 2)) (items s '(a b c) :linear))) => "(A B ...)")
(check (with-output-to-string (s) (let ((*print-level* 0)) (items s '(a b c) :linear))) => "#")
(check (with-output-to-string (s) (items s '(a b . c) :linear)) => "(A B . C)")
;;; -- PPRINT-POP, PPRINT-EXIT-IF-LIST-EXHAUSTED --
(check (pp (80) (items s '(a b . c) :linear)) => "(A B . C)")
(check (pp (80 (*print-length* 2)) (items s '(a b c d) :linear)) => "(A B ...)")
(check (pp (80 (*print-length* 0)) (items s '(a b c d) :linear)) => "(...)")
(check (pp (80 (*print-length* 4)) (items s '(a b c d) :linear)) => "(A B C D)")
(check (pp (80 (*print-level* 0)) (items s '(a) :linear)) => "#")
(check (pp (80 (*print-level* 1)) (nested s '(a (b) c) :linear)) => "(A # C)")
(check (pp (80 (*print-level* 2)) (nested s '(a (b (c)) d) :linear)) => "(A (B #) D)")
(check (pp (80) (items s 5 :linear)) => "5")
(check (pp (80) (items s "abc" :linear)) => "\"abc\"")
(check (pp (80) (pprint-logical-block (s '(1 2 3)) (princ (list (pprint-pop) (pprint-pop)) s))) => "(1 2)")
(check (pp (80) (pprint-logical-block (s '(1)) (princ (pprint-pop) s) (pprint-exit-if-list-exhausted) (princ "no" s))) => "1")
(check (let ((l (list 1 2))) (setf (cddr l) l) (pp (80 (*print-circle* t)) (items s l :linear))) => "#1=(1 2 . #1#)")
(check (let ((x (list 1))) (pp (80 (*print-circle* t)) (write (list x x) :stream s))) => "(#1=(1) #1#)")
(check (let ((l (list 1 2))) (setf (cddr l) l) (pp (80 (*print-circle* t)) (write l :stream s))) => "#1=(1 2 . #1#)")
(check (multiple-value-list (with-open-stream (s (make-broadcast-stream)) (pprint-logical-block (s '(1)) 5))) => (NIL))
(check (with-output-to-string (*standard-output*) (let ((*print-pretty* t)) (pprint-logical-block (nil '(1) :prefix "[" :suffix "]") (princ (pprint-pop))))) => "[1]")
(check (eval '(pprint-pop)) =!> ERROR)
(check (eval '(pprint-exit-if-list-exhausted)) =!> ERROR)
(check (let ((x (list 1))) (pp (80 (*print-circle* t)) (nested s (list x x) :linear))) => "(#1=(1) #1#)")
(check (let ((x (list 1))) (pp (80 (*print-circle* t)) (format s "~:<~W ~W~:>" (list x x)))) => "(#1=(1) #1#)")
(check (let ((x (list 'a 'b))) (pp (8 (*print-circle* t)) (items s (list x x) :linear))) => "(#1=(A
     B)
 #1#)")
(check (let ((x (list 'a 'b))) (pp (80 (*print-circle* t)) (pprint-fill s (list* x 1 x)))) => "(#1=(A B) 1 . #1#)")
(check (let ((v (vector 1 2))) (setf (svref v 0) v) (pp (80 (*print-circle* t)) (write v :stream s))) => "#1=#(#1# 2)")
(check (let ((x '(1))) (pp (80 (*print-circle* t)) (write (list x (vector x)) :stream s))) => "(#1=(1) #(#1#))")
;;; -- *PRINT-LINES* --
(check (pp (10 (*print-lines* 1)) (items s '(aaaa bbbb cccc) :linear)) => "(AAAA ..)")
(check (pp (10 (*print-lines* 2)) (items s '(aaaa bbbb cccc) :linear)) => "(AAAA
 BBBB ..)")
(check (pp (10 (*print-lines* 3)) (items s '(aaaa bbbb cccc) :linear)) => "(AAAA
 BBBB
 CCCC)")
(check (pp (10 (*print-lines* 5)) (items s '(aaaa bbbb cccc) :linear)) => "(AAAA
 BBBB
 CCCC)")
(check (pp (8 (*print-lines* 1)) (nested s '((aaaa bbbb) cccc) :linear)) => "((AAAA ..))")
;;; -- PPRINT-FILL, -LINEAR, -TABULAR --
(check (pp (80) (pprint-fill s '(a b c))) => "(A B C)")
(check (pp (6) (pprint-fill s '(a b c d e))) => "(A B
 C D
 E)")
(check (pp (6) (pprint-fill s '(a b c d e) nil)) => "A B C
D E")
(check (pp (80) (pprint-fill s '())) => "()")
(check (pp (80) (pprint-fill s 5)) => "5")
(check (pp (80) (pprint-linear s '(a b c))) => "(A B C)")
(check (pp (6) (pprint-linear s '(a b c d e))) => "(A
 B
 C
 D
 E)")
(check (pp (6) (pprint-linear s '(a b c d e) nil t)) => "A
B
C
D
E")
(check (pp (80) (pprint-linear s '(a . b))) => "(A . B)")
(check (pp (80) (pprint-linear s "x")) => "\"x\"")
(check (pp (80) (pprint-tabular s '(a b c))) => "(A               B               C)")
(check (pp (80) (pprint-tabular s '(a bb ccc) t nil 4)) => "(A   BB  CCC)")
(check (pp (10) (pprint-tabular s '(a bb ccc d ee) t nil 4)) => "(A   BB
 CCC D
 EE)")
(check (pp (10) (pprint-tabular s '(a bb ccc d ee) nil nil 3)) => "A  BB CCC
D  EE")
(check (pp (25) (princ "Roads " s) (pprint-tabular s '(elm cottonwood) nil nil 8)) => "Roads ELM     COTTONWOOD")
(check (with-output-to-string (s) (pprint-fill s '(a b c))) => "(A B C)")
(check (with-output-to-string (s) (pprint-linear s '(a b c) nil)) => "A B C")
(check (multiple-value-list (with-open-stream (s (make-broadcast-stream)) (pprint-fill s '(a)))) => (NIL))
(check (multiple-value-list (with-open-stream (s (make-broadcast-stream)) (pprint-linear s '(a)))) => (NIL))
(check (pp (10) (format s "~/pprint-fill/" '(aaa bbb ccc))) => "AAA BBB
CCC")
(check (pp (10) (format s "~:/pprint-linear/" '(aaa bbb ccc))) => "(AAA
 BBB
 CCC)")
;;; -- FORMAT's directives --
(check (pp (10) (format s "~<~A ~_~A ~_~A~:>" '(aaa bbb ccc))) => "AAA
BBB
CCC")
(check (pp (80) (format s "~<~A ~_~A ~_~A~:>" '(aaa bbb ccc))) => "AAA BBB CCC")
(check (pp (10) (format s "~:<~A ~_~A ~_~A~:>" '(aaa bbb ccc))) => "(AAA
 BBB
 CCC)")
(check (pp (10) (format s "~<[~;~A ~:_~A ~:_~A~;]~:>" '(aaa bbb ccc))) => "[AAA BBB
 CCC]")
(check (pp (10) (format s "~<; ~@;~A ~:_~A ~:_~A~:>" '(aaa bbb ccc))) => "; AAA BBB
; CCC")
(check (pp (10) (format s "~<~A ~:@_~A~:>" '(a b))) => "A
B")
(check (pp (10) (format s "~<~4I~A ~_~A ~_~A~:>" '(aaa bbb ccc))) => "AAA
    BBB
    CCC")
(check (pp (10) (format s "~<~A ~:I~A ~_~A~:>" '(aaa bbb ccc))) => "AAA BBB
    CCC")
(check (pp (10) (format s "~<~A ~@_~A~:>" '(aaaaaa bbbbbb))) => "AAAAAA BBBBBB")
(check (pp (10) (format s "~:<~@{~A~^ ~_~}~:>" '(aaa bbb ccc))) => "(AAA
 BBB
 CCC)")
(check (pp (10) (format s "~:<~@{~A~^ ~:_~}~:>" '(aaa bbb ccc ddd))) => "(AAA BBB
 CCC DDD)")
(check (pp (10) (format s "~<aaa bbb ccc ddd~:@>" '())) => "aaa bbb
ccc ddd")
(check (pp (10) (format s "~<aaa  ~A ccc ddd eee~:@>" '(bbb))) => "aaa  BBB
ccc ddd
eee")
(check (pp (80) (format s "~@<~A ~A~:>" 1 2)) => "1 2")
(check (pp (80) (format s "~<~A~:>|~A" '(1) 2)) => "1|2")
(check (pp (80) (format s "~:<~W ~W~:>" '(1 2))) => "(1 2)")
(check (pp (80 (*print-length* 2)) (format s "~:<~@{~W~^ ~}~:>" '(1 2 3))) => "(1 2 ...)")
(check (pp (80) (format s "~:<~W~^ ~W~:>" '(1 . 2))) => "(1 . 2)")
(check (pp (80) (format s "~:<~W ~:>" 3)) => "3")
(check (pp (14) (format s "(LET ~:<~@{~:<~W ~_~W~:>~^ ~_~}~:>)" '((a 1) (b 2)))) => "(LET ((A 1)
      (B 2)))")
(check (pp (20) (format s "~:<~W~^ ~:I~W~^ ~_~W~:>" '(function-x argument-1 argument-2))) => "(FUNCTION-X ARGUMENT-1
            ARGUMENT-2)")
(check (pp (12) (funcall (formatter "~:<~W~^ ~:_~W~:>") s '(aaaaaa bbbbbb))) => "(AAAAAA
 BBBBBB)")
(check (pp (80) (format s "abc~%~<d~:@_e~:>" '())) => "abc
d
e")
(check (format nil "~<~A~;~A~;~A~;~A~:>" '(1 2 3 4)) =!> ERROR)
(check (format nil "~<~A~;~A~:>" '(1 2)) =!> ERROR)
;;; -- Dispatch tables --
(defvar *table*)
(setq *table* (copy-pprint-dispatch))
(check (set-pprint-dispatch '(eql 42) (lambda (s x) (declare (ignore x)) (write-string "answer" s)) 0 *table*) => NIL)
(check (let ((*print-pprint-dispatch* *table*)) (write-to-string 42 :pretty t)) => "answer")
(check (let ((*print-pprint-dispatch* *table*)) (write-to-string 42 :pretty nil)) => "42")
(check (let ((*print-pprint-dispatch* *table*)) (write-to-string '(42 43) :pretty t)) => "(answer 43)")
(check (write-to-string 42 :pretty t :pprint-dispatch *table*) => "answer")
(check (write-to-string 42 :pretty t) => "42")
(check (let ((*print-pprint-dispatch* *table*)) (format nil "~A" 42)) => "42")
(check (let ((*print-pprint-dispatch* *table*) (*print-pretty* t)) (format nil "~A ~W" 42 42)) => "answer answer")
(check (let ((*print-pprint-dispatch* *table*) (*print-pretty* t)) (princ-to-string 42)) => "answer")
(check (set-pprint-dispatch '(eql 42) nil 0 *table*) => NIL)
(check (write-to-string 42 :pretty t :pprint-dispatch *table*) => "42")
(check (set-pprint-dispatch 'symbol (lambda (s x) (format s "<~A>" (symbol-name x))) 0 *table*) => NIL)
(check (write-to-string '(a b) :pretty t :pprint-dispatch *table*) => "(<A> <B>)")
(check (set-pprint-dispatch '(eql foo) (lambda (s x) (declare (ignore x)) (write-string "FOO!" s)) 1 *table*) => NIL)
(check (write-to-string '(a foo) :pretty t :pprint-dispatch *table*) => "(<A> FOO!)")
(check (set-pprint-dispatch '(eql foo) (lambda (s x) (declare (ignore x)) (write-string "low" s)) -1 *table*) => NIL)
(check (write-to-string '(a foo) :pretty t :pprint-dispatch *table*) => "(<A> <FOO>)")
(check (set-pprint-dispatch 'symbol nil 0 *table*) => NIL)
(check (write-to-string '(a foo) :pretty t :pprint-dispatch *table*) => "(A low)")
(check (set-pprint-dispatch '(cons (eql my-op)) (lambda (s x) (format s "~:<~W-~W~:>" x)) 0 *table*) => NIL)
(check (write-to-string '(my-op 2) :pretty t :pprint-dispatch *table*) => "(MY-OP-2)")
(check (write-to-string '(x (my-op 2)) :pretty t :pprint-dispatch *table*) => "(X (MY-OP-2))")
(check (write-to-string '(my-op 2) :pretty nil :pprint-dispatch *table*) => "(MY-OP 2)")
(check (set-pprint-dispatch '(cons (member op-a op-b)) 'pprint-linear 5 *table*) => NIL)
(check (write-to-string '(op-a 1 2) :pretty t :pprint-dispatch *table*) => "(OP-A 1 2)")
(check (nth-value 1 (pprint-dispatch '(my-op 1) *table*)) => T)
(check (functionp (pprint-dispatch 5 *table*)) => T)
(check (nth-value 1 (pprint-dispatch 5 *table*)) => NIL)
(check (let ((f (lambda (s x) (princ x s)))) (set-pprint-dispatch '(eql 7) f 0 *table*) (eq f (pprint-dispatch 7 *table*))) => T)
(check (with-output-to-string (s) (funcall (pprint-dispatch 5 *table*) s 5)) => "5")
(check (let ((copy (copy-pprint-dispatch *table*))) (set-pprint-dispatch '(eql 8) (lambda (s x) x (write-string "eight" s)) 0 copy) (list (write-to-string 8 :pretty t :pprint-dispatch copy) (write-to-string 8 :pretty t :pprint-dispatch *table*))) => ("eight" "8"))
(check (eq (copy-pprint-dispatch) (copy-pprint-dispatch)) => NIL)
(check (let ((*print-pprint-dispatch* (copy-pprint-dispatch nil))) (set-pprint-dispatch 'integer (lambda (s x) (format s "#~R" (- x)))) (write-to-string '(1 2.0) :pretty t :radix nil)) => "(#negative one 2.0)")
(check (set-pprint-dispatch 'foo 'bar #\a) =!> ERROR)
(check (set-pprint-dispatch 'foo 'bar 0 'x) =!> ERROR)
(check (copy-pprint-dispatch 'x) =!> ERROR)
(check (pprint-dispatch 1 'x) =!> ERROR)
;;; -- PPRINT and defaults --
(check (with-output-to-string (s) (pprint '(a b) s)) => "
(A B)")
(check (with-output-to-string (s) (pprint "a" s)) => "
\"a\"")
(check (with-output-to-string (*standard-output*) (pprint 'a)) => "
A")
(check (multiple-value-list (with-open-stream (s (make-broadcast-stream)) (pprint 'a s))) => NIL)
(check (write-to-string '(a b c) :pretty t :right-margin 80) => "(A B C)")
(check (write-to-string '(aaa bbb ccc) :pretty t :right-margin 80) => "(AAA BBB CCC)")
(check (write-to-string "abc def" :pretty t :right-margin 3) => "\"abc def\"")
(check (write-to-string #(1 2 3) :pretty t) => "#(1 2 3)")
(check (write-to-string ''a :pretty t) => "'A")
(check (write-to-string '#'a :pretty t) => "#'A")
(check (write-to-string '(quote a b) :pretty t) => "(QUOTE A B)")
(check (write-to-string '(1 . 2) :pretty t) => "(1 . 2)")
(check (write-to-string '(1 (2 (3))) :pretty t :level 2) => "(1 (2 #))")
(check (write-to-string '(1 2 3 4) :pretty t :length 2) => "(1 2 ...)")
(check (write-to-string #(1 2 3 4) :pretty t :length 2) => "#(1 2 ...)")
(check (write-to-string #2A((1 2) (3 4)) :pretty t) => "#2A((1 2) (3 4))")
(check (let ((x '(defun f (x) (if (< x 2) x (+ (f (- x 1)) (f (- x 2))))))) (loop for m from 10 to 80 by 5 always (equal x (read-from-string (write-to-string x :pretty t :right-margin m :miser-width nil))))) => T)
(check (let ((x '(let ((a 1) (b '(2 3))) (when a (loop for x in b collect (list x #'car "a string" #\c)))))) (loop for m from 10 to 80 by 5 always (equal x (read-from-string (write-to-string x :pretty t :right-margin m))))) => T)
(check (let ((x (loop for i below 100 collect i))) (every (lambda (l) (<= (length l) 30)) (let ((text (write-to-string x :pretty t :right-margin 30))) (loop for start = 0 then (1+ end) for end = (position #\Newline text :start start) collect (subseq text start end) while end)))) => T)
