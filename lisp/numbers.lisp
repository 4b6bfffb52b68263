;;; numbers.lisp: constants of CLHS 12, and the few numeric functions that are better in Lisp than as leaves.
(in-package "SYS")

;;; -- Integers --

(defconstant most-positive-fixnum 2305843009213693951)
(defconstant most-negative-fixnum -2305843009213693952)

;;; A BOOLE operation is its truth table: bit 3 is the result for the bits 1 1, bit 2 for 1 0, bit 1 for 0 1, bit 0 for 0 0.
(defconstant boole-clr 0)
(defconstant boole-nor 1)
(defconstant boole-andc1 2)
(defconstant boole-c1 3)
(defconstant boole-andc2 4)
(defconstant boole-c2 5)
(defconstant boole-xor 6)
(defconstant boole-nand 7)
(defconstant boole-and 8)
(defconstant boole-eqv 9)
(defconstant boole-2 10)
(defconstant boole-orc1 11)
(defconstant boole-1 12)
(defconstant boole-orc2 13)
(defconstant boole-ior 14)
(defconstant boole-set 15)

(defun parse-integer (string &key (start 0) end (radix 10) junk-allowed)
  "The integer that the string denotes in the radix, blanks around it allowed; with junk-allowed NIL if it denotes none.
Values: the integer, the index where it ended.  PARSE-ERROR (CLHS PARSE-INTEGER)."
  (%parse-integer string start end radix junk-allowed))

;;; -- Floats: the short format is the single one, the long format the double one --

(defconstant pi 3.141592653589793d0)

(defconstant most-positive-single-float 3.4028235f38)
(defconstant most-positive-short-float most-positive-single-float)
(defconstant most-positive-double-float 1.7976931348623157d308)
(defconstant most-positive-long-float most-positive-double-float)
(defconstant most-negative-single-float (- most-positive-single-float))
(defconstant most-negative-short-float most-negative-single-float)
(defconstant most-negative-double-float (- most-positive-double-float))
(defconstant most-negative-long-float most-negative-double-float)

(defconstant least-positive-single-float (%make-single-float 1))
(defconstant least-positive-short-float least-positive-single-float)
(defconstant least-positive-double-float (%make-double-float 1))
(defconstant least-positive-long-float least-positive-double-float)
(defconstant least-negative-single-float (- least-positive-single-float))
(defconstant least-negative-short-float least-negative-single-float)
(defconstant least-negative-double-float (- least-positive-double-float))
(defconstant least-negative-long-float least-negative-double-float)

(defconstant least-positive-normalized-single-float (scale-float 1f0 -126))
(defconstant least-positive-normalized-short-float least-positive-normalized-single-float)
(defconstant least-positive-normalized-double-float (scale-float 1d0 -1022))
(defconstant least-positive-normalized-long-float least-positive-normalized-double-float)
(defconstant least-negative-normalized-single-float (- least-positive-normalized-single-float))
(defconstant least-negative-normalized-short-float least-negative-normalized-single-float)
(defconstant least-negative-normalized-double-float (- least-positive-normalized-double-float))
(defconstant least-negative-normalized-long-float least-negative-normalized-double-float)

;;; The least float that changes 1 when added to it or subtracted from it: just above half the distance to the neighbour.
(defconstant single-float-epsilon (%make-single-float (1+ (%float-bits (scale-float 1f0 -24)))))
(defconstant short-float-epsilon single-float-epsilon)
(defconstant double-float-epsilon (%make-double-float (1+ (%float-bits (scale-float 1d0 -53)))))
(defconstant long-float-epsilon double-float-epsilon)
(defconstant single-float-negative-epsilon (%make-single-float (1+ (%float-bits (scale-float 1f0 -25)))))
(defconstant short-float-negative-epsilon single-float-negative-epsilon)
(defconstant double-float-negative-epsilon (%make-double-float (1+ (%float-bits (scale-float 1d0 -54)))))
(defconstant long-float-negative-epsilon double-float-negative-epsilon)

(defconstant ext:single-float-positive-infinity (%make-single-float #x7f800000))
(defconstant ext:single-float-negative-infinity (%make-single-float #xff800000))
(defconstant ext:double-float-positive-infinity (%make-double-float #x7ff0000000000000))
(defconstant ext:double-float-negative-infinity (%make-double-float #xfff0000000000000))

;;; -- Random states, complexes --

(defvar *random-state* (ext:seed-random-state 0))

(defun upgraded-complex-part-type (type &optional environment)
  "The most specialised part type of complexes that can hold parts of the type (CLHS UPGRADED-COMPLEX-PART-TYPE)."
  (declare (ignore environment))
  (cond ((subtypep type nil) nil)
        ((subtypep type 'single-float) 'single-float)
        ((subtypep type 'double-float) 'double-float)
        ((subtypep type 'rational) 'rational)
        ((subtypep type 'float) 'float)
        ((subtypep type 'real) 'real)
        (t (error "~S is not a subtype of REAL." type))))
