;;; packages.lisp: packages (CLHS 11).
;;;
;;; src/prim/packages.c has the tables and does what it is told; this file keeps the laws: what is accessible under a name in a package is
;;; one symbol.  An operation that would break this signals a PACKAGE-ERROR that can be continued; continuing lets the symbol that was
;;; accessible before stay so, by making it a shadowing symbol where it must be one.
;;;
;;; Parts of a package, by %PACKAGE-REF: 0 names, 3 used packages, 4 users, 5 shadowing symbols, 6 local nicknames, an association list.
;;;
;;; Iteration is over lists of symbols made beforehand, so bodies may change the package as they like.

(in-package "SYS")

;;; -- Designators and errors --

(defun %string-list (x)
  "Fresh list of the strings that a designator, or a list of them, means."
  (if (listp x)
      (mapcar #'string x)
      (list (string x))))

(defun %fresh-name (x)
  (coerce (copy-seq (string x)) 'simple-string))

(defun %symbol-list (x)
  "The symbols that a symbol or a list of symbols means; NIL means none."
  (let ((list (if (listp x) x (list x))))
    (dolist (s list list)
      (unless (symbolp s) (error 'type-error :datum s :expected-type 'symbol)))))

(defun %package-list (x)
  (if (listp x)
      (mapcar #'%package x)
      (list (%package x))))

(defun %package-error (package continue control &rest arguments)
  "A PACKAGE-ERROR that returns when it is continued."
  (cerror continue 'package-error :package package :format-control control :format-arguments arguments))

(defun %package-push (item package part)
  (%package-set package part (cons item (remove item (%package-ref package part) :test #'eq))))

(defun %package-drop (item package part)
  (%package-set package part (remove item (%package-ref package part) :test #'eq)))

;;; -- Parts --

(defun package-name (package)
  "The name of the package, NIL if it has been deleted (CLHS 11.2)."
  (car (%package-ref (%package package) 0)))
(defun package-nicknames (package)
  "List of the package's nicknames (CLHS 11.2)."
  (copy-list (cdr (%package-ref (%package package) 0))))
(defun package-use-list (package)
  "List of the packages that the package uses (CLHS 11.2)."
  (copy-list (%package-ref (%package package) 3)))
(defun package-used-by-list (package)
  "List of the packages that use the package (CLHS 11.2)."
  (copy-list (%package-ref (%package package) 4)))
(defun package-shadowing-symbols (package)
  "List of the package's shadowing symbols (CLHS 11.2)."
  (copy-list (%package-ref (%package package) 5)))
(defun list-all-packages ()
  "Fresh list of all packages (CLHS 11.2)."
  (copy-list (%all-packages)))

;;; -- Local nicknames --

(defun ext:package-local-nicknames (package)
  "Association list of the package's local nicknames and the packages that they mean."
  (copy-alist (%package-ref (%package package) 6)))

(defun ext:package-locally-nicknamed-by-list (package)
  "List of the packages that have a local nickname for the package."
  (let ((package (%package package)))
    (remove-if-not (lambda (p) (rassoc package (%package-ref p 6) :test #'eq)) (%all-packages))))

(defun ext:add-package-local-nickname (nickname actual-package &optional (package *package*))
  "Makes the nickname mean the actual package wherever the package is the current one."
  (let* ((name (%fresh-name nickname)) (package (%package package)) (actual (%package actual-package))
         (old (cdr (assoc name (%package-ref package 6) :test #'string=))))
    (when (member name '("CL" "COMMON-LISP" "KEYWORD") :test #'string=)
      (%package-error package "Use it all the same." "~A cannot be a local nickname." name))
    (when (and old (not (eq old actual)))
      (%package-error package "Change it." "~A is already a local nickname for ~A." name (package-name old)))
    (%package-set package 6 (acons name actual (remove name (%package-ref package 6) :key #'car :test #'string=)))
    package))

(defun ext:remove-package-local-nickname (nickname &optional (package *package*))
  "Takes the local nickname from the package; true if there was one."
  (let* ((package (%package package)) (entry (assoc (string nickname) (%package-ref package 6) :test #'string=)))
    (when entry
      (%package-drop entry package 6)
      t)))

;;; -- Symbols in a package --

(defun %present-p (symbol package)
  (multiple-value-bind (found status) (%present-symbol (symbol-name symbol) package)
    (and status (eq found symbol) status)))

(defun %move-symbol (symbol package externalp)
  (%remove-symbol symbol package)
  (%add-symbol symbol package externalp))

(defun %adopt (symbol package)
  (unless (symbol-package symbol) (%set-symbol-package symbol package)))

(defun shadowing-import (symbols &optional (package *package*))
  "Makes the symbols present and shadowing in the package, whatever was accessible under their names (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (symbol (%symbol-list symbols) t)
      (multiple-value-bind (old status) (%present-symbol (symbol-name symbol) package)
        (unless (and status (eq old symbol))
          (when status
            (%package-drop old package 5)
            (%remove-symbol old package)
            (when (eq (symbol-package old) package) (%set-symbol-package old nil)))
          (%add-symbol symbol package nil)
          (%adopt symbol package)))
      (%package-push symbol package 5))))

(defun shadow (names &optional (package *package*))
  "Makes a symbol of each name present and shadowing in the package (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (name (%string-list names) t)
      (multiple-value-bind (symbol status) (%present-symbol name package)
        (unless status
          (setq symbol (make-symbol (%fresh-name name)))
          (%set-symbol-package symbol package)
          (%add-symbol symbol package nil))
        (%package-push symbol package 5)))))

(defun import (symbols &optional (package *package*))
  "Makes the symbols present in the package (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (symbol (%symbol-list symbols) t)
      (multiple-value-bind (old status) (find-symbol (symbol-name symbol) package)
        (cond ((not status)
               (%add-symbol symbol package nil))
              ((not (eq old symbol))
               (%package-error package "Import it and shadow the other one."
                               "Importing ~S into ~A conflicts with ~S." symbol (package-name package) old)
               (shadowing-import (list symbol) package))
              ((eq status :inherited)
               (%add-symbol symbol package nil))))
      (%adopt symbol package))))

(defun %user-conflict (symbol user)
  "The other symbol of the same name accessible in USER, if that does not shadow; and true."
  (multiple-value-bind (other status) (find-symbol (symbol-name symbol) user)
    (if (and status (not (eq other symbol)) (not (member other (%package-ref user 5) :test #'eq)))
        (values other t)
        (values nil nil))))

(defun export (symbols &optional (package *package*))
  "Makes the symbols, which are accessible, external in the package (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (symbol (%symbol-list symbols) t)
      (multiple-value-bind (found status) (find-symbol (symbol-name symbol) package)
        (unless (and status (eq found symbol))
          (%package-error package "Import it." "~S is not accessible in ~A." symbol (package-name package))
          (import (list symbol) package)
          (setq status :internal))
        (unless (eq status :external)
          (dolist (user (%package-ref package 4))
            (multiple-value-bind (other conflict) (%user-conflict symbol user)
              (when conflict
                (%package-error package "Let the other one stay."
                                "Exporting ~S from ~A conflicts with ~S in ~A."
                                symbol (package-name package) other (package-name user))
                (shadowing-import (list other) user))))
          (%move-symbol symbol package t))))))

(defun unexport (symbols &optional (package *package*))
  "Makes the symbols internal in the package (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (symbol (%symbol-list symbols) t)
      (multiple-value-bind (found status) (find-symbol (symbol-name symbol) package)
        (unless (and status (eq found symbol))
          (%package-error package "Ignore it." "~S is not accessible in ~A." symbol (package-name package)))
        (when (and (eq status :external) (eq found symbol))
          (%move-symbol symbol package nil))))))

(defun %inherited-choices (name package)
  "The distinct symbols of that name that the packages used by PACKAGE export."
  (let ((choices nil))
    (dolist (used (%package-ref package 3) choices)
      (multiple-value-bind (symbol status) (%present-symbol name used)
        (when (eq status :external)
          (setq choices (adjoin symbol choices :test #'eq)))))))

(defun unintern (symbol &optional (package *package*))
  "Makes the symbol not present in the package; true if it was (CLHS 11.2)."
  (unless (symbolp symbol) (error 'type-error :datum symbol :expected-type 'symbol))
  (let ((package (%package package)) (keep nil))
    (when (%present-p symbol package)
      (when (member symbol (%package-ref package 5) :test #'eq)
        (let ((choices (%inherited-choices (symbol-name symbol) package)))
          (when (cdr choices)
            (%package-error package "Shadow all but the first." "Uninterning ~S from ~A uncovers the conflicting symbols ~S."
                            symbol (package-name package) choices)
            (setq keep (list (car choices))))))
      (%package-drop symbol package 5)
      (%remove-symbol symbol package)
      (when (eq (symbol-package symbol) package) (%set-symbol-package symbol nil))
      (when keep (shadowing-import keep package))
      t)))

;;; -- Using packages --

(defun %use-one (used package)
  (let ((keyword (find-package "KEYWORD")))
    (when (or (eq used keyword) (eq package keyword))
      (error 'package-error :package package
             :format-control "KEYWORD can neither be used nor use a package." :format-arguments nil)))
  (unless (or (eq used package) (member used (%package-ref package 3) :test #'eq))
    (dolist (symbol (%package-symbols used 2))
      (multiple-value-bind (other conflict) (%user-conflict symbol package)
        (when conflict
          (%package-error package "Let the other one stay."
                          "~A cannot use ~A: ~S conflicts with ~S."
                          (package-name package) (package-name used) symbol other)
          (shadowing-import (list other) package))))
    (%package-set package 3 (append (%package-ref package 3) (list used)))
    (%package-push package used 4)))

(defun use-package (packages &optional (package *package*))
  "Makes the external symbols of the packages accessible in the package (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (used (%package-list packages) t)
      (%use-one used package))))

(defun unuse-package (packages &optional (package *package*))
  "Undoes USE-PACKAGE (CLHS 11.2)."
  (let ((package (%package package)))
    (dolist (used (%package-list packages) t)
      (%package-drop used package 3)
      (%package-drop package used 4))))

;;; -- Making, renaming, deleting --

(defun %check-free-names (names package)
  "The names that no other package than PACKAGE has."
  (let ((free nil))
    (dolist (name names (nreverse free))
      (let ((other (%find-global-package name)))
        (cond ((or (null other) (eq other package)) (push name free))
              (t (%package-error name "Leave the name to it." "~S is a name of the package ~A." name (package-name other))))))))

(defun make-package (name &key nicknames (use '("COMMON-LISP")))
  "A new package (CLHS 11.2)."
  (let ((names (mapcar #'%fresh-name (cons name nicknames))) (used (mapcar #'%package use)))
    (when (%find-global-package (car names))
      (%package-error (car names) "Return the existing one." "There is already a package ~A." (car names))
      (return-from make-package (%find-global-package (car names))))
    (let ((package (%make-package (cons (car names) (%check-free-names (delete (car names) (cdr names) :test #'string=) nil)))))
      (dolist (p used package)
        (%use-one p package)))))

(defun rename-package (package new-name &optional nicknames)
  "Replaces all names of the package (CLHS 11.2)."
  (let* ((package (%package package))
         (name (%fresh-name (if (packagep new-name) (package-name new-name) new-name)))
         (other (%find-global-package name)))
    (when (and other (not (eq other package)))
      (error 'package-error :package name :format-control "~S is a name of the package ~A." :format-arguments (list name (package-name other))))
    (%package-set package 0 (cons name (%check-free-names (mapcar #'%fresh-name nicknames) package)))
    package))

(defun delete-package (package)
  "Makes the package no package any more; its symbols have no home package afterwards (CLHS 11.2)."
  (let ((found (if (packagep package) package (find-package package))))
    (cond ((null found)
           (%package-error package "Do nothing." "There is no package ~S." package)
           nil)
          ((null (package-name found)) nil)
          (t
           (when (%package-ref found 4)
             (%package-error found "Make them use it no longer." "~A is used by ~{~A~^, ~}."
                             (package-name found) (mapcar #'package-name (%package-ref found 4)))
             (dolist (user (copy-list (%package-ref found 4))) (unuse-package found user)))
           (dolist (used (copy-list (%package-ref found 3))) (unuse-package used found))
           (dolist (symbol (%package-symbols found 3))
             (%remove-symbol symbol found)
             (when (eq (symbol-package symbol) found) (%set-symbol-package symbol nil)))
           (dolist (p (%all-packages))
             (dolist (entry (%package-ref p 6))
               (when (eq (cdr entry) found) (%package-drop entry p 6))))
           (%package-set found 0 nil)
           (%package-set found 5 nil)
           (%package-set found 6 nil)
           (%forget-package found)
           t))))

;;; -- DEFPACKAGE --

(defun %defpackage-use (package names)
  "Makes the package use just the packages of these names."
  (let ((wanted (mapcar #'%package names)))
    (dolist (used (copy-list (%package-ref package 3)))
      (unless (member used wanted :test #'eq) (unuse-package used package)))
    (dolist (used wanted) (%use-one used package))))

(defun %symbols-from (names from package)
  "The symbols of these names accessible in the package FROM."
  (let ((from (%package from)))
    (mapcar (lambda (name)
              (multiple-value-bind (symbol status) (find-symbol name from)
                (unless status
                  (%package-error package "Intern it there." "There is no symbol ~A accessible in ~A." name (package-name from))
                  (setq symbol (intern name from)))
                symbol))
            names)))

(defun %defpackage (name nicknames shadow shadowing-imports use imports intern exports local-nicknames documentation)
  (let ((package (%find-global-package name)))
    (if package
        (%package-set package 0 (cons (package-name package)
                                      (%check-free-names (remove (package-name package)
                                                                 (union (cdr (%package-ref package 0)) nicknames :test #'string=)
                                                                 :test #'string=)
                                                         package)))
        (setq package (make-package name :nicknames nicknames :use nil)))
    (shadow shadow package)
    (dolist (entry shadowing-imports) (shadowing-import (%symbols-from (cdr entry) (car entry) package) package))
    (%defpackage-use package use)
    (dolist (entry imports) (import (%symbols-from (cdr entry) (car entry) package) package))
    (dolist (symbol intern) (intern symbol package))
    (export (mapcar (lambda (s) (values (intern s package))) exports) package)
    (dolist (entry local-nicknames) (ext:add-package-local-nickname (car entry) (cdr entry) package))
    (when documentation (%package-set package 7 documentation))
    package))

(defun %check-disjoint (name lists)
  "PROGRAM-ERROR if a string is in two of the lists (CLHS DEFPACKAGE)."
  (do ((tail lists (cdr tail)))
      ((null tail))
    (dolist (other (cdr tail))
      (let ((common (intersection (car tail) other :test #'string=)))
        (when common
          (error 'simple-program-error :format-control "DEFPACKAGE ~A: ~S in two options that exclude each other."
                                       :format-arguments (list name (car common))))))))

(defmacro defpackage (name &rest options)
  "Makes a package, or changes it to be as described (CLHS 11.2).  :LOCAL-NICKNAMES (nickname package)... is allowed too."
  (let ((name (%fresh-name name)) (nicknames nil) (shadow nil) (shadowing-imports nil) (use nil) (use-given nil) (imports nil)
        (intern nil) (exports nil) (local nil) (documentation nil) (once nil))
    (dolist (option options)
      (unless (consp option) (%form-error "DEFPACKAGE ~A: ~S is not an option." name option))
      (let ((key (car option)) (rest (cdr option)))
        (when (member key '(:size :documentation))
          (when (member key once) (%form-error "DEFPACKAGE ~A: the option ~S more than once." name key))
          (push key once))
        (case key
          (:nicknames (setq nicknames (append nicknames (mapcar #'%fresh-name rest))))
          (:shadow (setq shadow (append shadow (mapcar #'%fresh-name rest))))
          (:shadowing-import-from (push (mapcar #'%fresh-name rest) shadowing-imports))
          (:use (setq use-given t use (append use (mapcar #'%designated-name rest))))
          (:import-from (push (mapcar #'%fresh-name rest) imports))
          (:intern (setq intern (append intern (mapcar #'%fresh-name rest))))
          (:export (setq exports (append exports (mapcar #'%fresh-name rest))))
          (:local-nicknames
           (setq local (append local (mapcar (lambda (e) (cons (%fresh-name (car e)) (%designated-name (cadr e)))) rest))))
          (:documentation (setq documentation (car rest)))
          ((:size :lock))
          (t (%form-error "DEFPACKAGE ~A: ~S is not an option." name key)))))
    (let ((imported (mapcan (lambda (l) (copy-list (cdr l))) (append shadowing-imports imports))))
      (%check-disjoint name (list intern exports))
      (%check-disjoint name (list shadow intern imported))
      (%check-disjoint name (list (mapcan (lambda (l) (copy-list (cdr l))) shadowing-imports) (mapcan (lambda (l) (copy-list (cdr l))) imports))))
    `(eval-when (:compile-toplevel :load-toplevel :execute)
       (%defpackage ,name ',nicknames ',shadow ',(nreverse shadowing-imports) ',(if use-given use '("COMMON-LISP"))
                    ',(nreverse imports) ',intern ',exports ',local ,documentation))))

(defun %designated-name (x)
  (if (packagep x) (package-name x) (%fresh-name x)))

;;; -- Iteration --

(defun %all-symbols ()
  (mapcan (lambda (p) (%package-symbols p 3)) (list-all-packages)))

(defmacro do-symbols ((var &optional (package '*package*) result) &body body)
  "Runs the body with VAR bound to every symbol accessible in the package (CLHS 11.2)."
  `(dolist (,var (%package-symbols (%package ,package) 7) ,result) (declare (ignorable ,var)) ,@body))

(defmacro do-external-symbols ((var &optional (package '*package*) result) &body body)
  "Runs the body with VAR bound to every external symbol of the package (CLHS 11.2)."
  `(dolist (,var (%package-symbols (%package ,package) 2) ,result) (declare (ignorable ,var)) ,@body))

(defmacro do-all-symbols ((var &optional result) &body body)
  "Runs the body with VAR bound to every symbol of every package (CLHS 11.2)."
  `(dolist (,var (%all-symbols) ,result) (declare (ignorable ,var)) ,@body))

(defun %package-iterator (packages kinds)
  "A function that gives, one a call: T, a symbol, its status, and the package; NIL at the end."
  (let ((left (mapcan (lambda (p) (mapcar (lambda (kind) (cons p kind)) kinds)) (%package-list packages)))
        (symbols nil) (package nil) (status nil))
    (lambda ()
      (tagbody
       next
         (when (and (null symbols) left)
           (setq package (car (car left))
                 status (cdr (car left))
                 symbols (%package-symbols package (case status (:internal 1) (:external 2) (t 4)))
                 left (cdr left))
           (go next)))
      (if symbols
          (values t (pop symbols) status package)
          nil))))

(defmacro with-package-iterator ((name packages &rest kinds) &body body)
  "Within the body (NAME) gives the next symbol of the packages (CLHS 11.2)."
  (when (null kinds) (%form-error "WITH-PACKAGE-ITERATOR needs a kind of symbols."))
  (dolist (kind kinds)
    (unless (member kind '(:internal :external :inherited))
      (%form-error "WITH-PACKAGE-ITERATOR: ~S is not a kind of symbols." kind)))
  (let ((iterator (gensym "ITERATOR")))
    `(let ((,iterator (%package-iterator ,packages ',kinds)))
       (macrolet ((,name () '(funcall ,iterator)))
         ,@body))))

;;; -- Searching --

(defun find-all-symbols (name)
  "List of all symbols of that name in all packages (CLHS 11.2)."
  (let ((name (string name)) (found nil))
    (dolist (package (%all-packages) found)
      (multiple-value-bind (symbol status) (%present-symbol name package)
        (when status (setq found (adjoin symbol found :test #'eq)))))))

(defun apropos-list (string &optional package)
  "List of the symbols, accessible in the package or all, whose names contain the string, case aside (CLHS 25.2)."
  (let ((part (string string)) (found nil))
    (dolist (symbol (if package (%package-symbols (%package package) 7) (%all-symbols)))
      (when (search part (symbol-name symbol) :test #'char-equal)
        (push symbol found)))
    (sort (remove-duplicates found :test #'eq) #'string<)))

(defun apropos (string &optional package)
  "Prints the symbols that APROPOS-LIST finds, with what they are (CLHS 25.2)."
  (dolist (symbol (apropos-list string package) (values))
    (prin1 symbol)
    (when (boundp symbol) (write-string (if (constantp symbol) " (constant)" " (bound)")))
    (when (fboundp symbol)
      (write-string (cond ((special-operator-p symbol) " (special operator)")
                          ((macro-function symbol) " (macro)")
                          (t " (function)"))))
    (terpri)))
