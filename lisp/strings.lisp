;;; strings.lisp: what of characters, strings and symbols is not a leaf (CLHS 10, 13, 16).
;;;
;;; The functions on characters and strings are all leaves (src/prim/characters.c, strings.c, symbols.c); here are their constants,
;;; and GENTEMP.

(in-package "SYS")

;;; -- Variables of the reader (CLHS 23.2), here because the printer looks at them --

(defvar *read-base* 10 "The base of integers and ratios that are read.")
(defvar *read-default-float-format* 'single-float "The type of floats that are read without an exponent marker of their own.")
(defvar *read-eval* t "Whether #. is allowed.")
(defvar *read-suppress* nil "True while what is read is only skipped.")

;;; -- Characters and symbols --

(defconstant char-code-limit #x110000
  "One more than the greatest code of a character.")

(defvar *gensym-counter* 1
  "What GENSYM puts behind the prefix of the next symbol's name.")

(defvar *gentemp-counter* 0)

(defun gentemp (&optional (prefix "T") (package *package*))
  "A symbol that was not in the package before, interned in it; its name is the prefix and a number (CLHS 10.2)."
  (unless (stringp prefix) (error 'type-error :datum prefix :expected-type 'string))
  (let ((package (%package package)))
    (tagbody
     next
       (let ((name (symbol-name (gensym-named prefix (setq *gentemp-counter* (+ *gentemp-counter* 1))))))
         (multiple-value-bind (symbol status) (find-symbol name package)
           (declare (ignore symbol))
           (if status
               (go next)
               (return-from gentemp (values (intern name package)))))))))

(defun gensym-named (prefix number)
  (let ((*gensym-counter* number))
    (gensym prefix)))
