;;;; systems.lisp: systems of files: LOAD-SYSTEM, and what REQUIRE and `windfall deliver` do with one.
;;;;
;;;; A system is a set of source files that are compiled and loaded in an order.  It is described by NAME.asd, in the notation that Common Lisp programs are
;;;; commonly shipped with (ASDF's DEFSYSTEM; this is no ASDF):
;;;;
;;;;     (defsystem "ledger"
;;;;       :depends-on ("money")
;;;;       :components ((:file "package") (:module "core" :serial t :components ((:file "a") (:file "b")) :depends-on ("package")))
;;;;       :entry-point "ledger:main")
;;;;
;;;; The file is data: nothing in it is evaluated, and it is read in a package of its own, which goes when it has been read.  What cannot be understood is an
;;;; error that tells its line; nothing is ignored but what *SYSTEM-REMARKS* lists.
;;;;
;;;; From the definition comes a list of files in the order in which they are loaded (modules are opened up), each with those that must be loaded
;;;; before.  A file is compiled if its unit is missing, of another version of the system, or older than the source, the definition, or the unit of a file that it
;;;; needs, in this or another system; it is loaded if its unit is not the one that was loaded last.
(in-package "SYS")

(export '(ext::load-system ext::*system-path* ext::*units-folder* ext::system-definition-error) "EXT")

(define-condition ext:system-definition-error (simple-error) ()
  (:documentation "A system cannot be found, or its definition is wrong."))

(defvar ext:*system-path* '()
  "Folders in which systems are looked for: NAME.asd or NAME/NAME.asd, behind the current folder and those beside the system that asks, and before the folders
in the environment variable WINDFALL_SYSTEM_PATH.")

(defvar ext:*units-folder* nil
  "The folder in which the units of systems lie, each below the absolute name of its source's folder; NIL: the environment variable WINDFALL_UNITS says it, and if that does not,
units lie beside their sources.")

(defstruct (%system (:copier nil) (:predicate nil)) name file line version entry-point build-pathname depends-on wanted files)
(defstruct (%source (:copier nil) (:predicate nil)) path needs place time) ; needs: sources; time: of its unit, when it has been loaded

(defun %system-error (control &rest arguments)
  (error 'ext:system-definition-error :format-control control :format-arguments arguments))

;;; -- Reading a definition --

(defvar *definition-file* nil "The native name of the definition that is being read.")
(defvar *definition-line* nil "The line of the DEFSYSTEM form that is being looked at.")
(defvar *definition-places* nil "Lines of the lists in it, as %READ-WITH-PLACES tells them.")

(defparameter *system-remarks*
  '(:name :description :long-description :long-name :author :maintainer :mailto :license :licence :homepage :bug-tracker :source-control
    :properties :build-operation :in-order-to :perform)
  "Keywords that say nothing about how a system is loaded.")

(defun %definition-line (form)
  "The line of the form, or of the DEFSYSTEM form that it is in."
  (let ((at (and *definition-places* (consp form) (position form *definition-places* :test #'eq))))
    (if at (svref *definition-places* (1+ at)) *definition-line*)))

(defun %shown-file (name)
  "The native name as people are told it: without the current folder."
  (let ((folder (ext:native-namestring (ext:current-directory))))
    (if (and (> (length name) (length folder)) (string= folder name :end2 (length folder))) (subseq name (length folder)) name)))

(defun %place-of (form) (format nil "~A:~D" (%shown-file *definition-file*) (%definition-line form)))

(defun %definition-error (form control &rest arguments)
  (%system-error "~A: ~?" (%place-of form) control arguments))

(defun %lower-name (x form)
  "The name that a string or a symbol gives to a system or component."
  (cond ((stringp x) x)
        ((and x (symbolp x)) (string-downcase (symbol-name x)))
        (t (%definition-error form "~S is no name." x))))

(defun %call-with-definition-package (function)
  "Calls it with *PACKAGE* a package in which definitions can be read, under the names that they use for it."
  (let ((*package* (make-package (symbol-name (gensym "SYSTEM-DEFINITION-")) :use '("COMMON-LISP"))))
    (unwind-protect
         (progn
           (dolist (name '("ASDF" "ASDF-USER" "ASDF/DEFSYSTEM" "UIOP")) (ext:add-package-local-nickname name *package* *package*))
           (dolist (name '("DEFSYSTEM" "TEST-OP" "LOAD-OP" "COMPILE-OP" "PROGRAM-OP" "SYMBOL-CALL" "PERFORM" "OPERATION-DONE-P" "FIND-SYSTEM" "LOAD-SYSTEM" "TEST-SYSTEM"))
             (export (intern name *package*) *package*))
           (funcall function))
      (delete-package *package*))))

(defun %named-p (x name) (and (symbolp x) x (string= (symbol-name x) name)))

(defun %read-definition (stream)
  "The next form of the definition file, STREAM at the end; notes its place."
  (flet ((fail (text)
           (setq *definition-line* (if (consp *source-place*) (cdr *source-place*) 1) *definition-places* nil)
           (%definition-error nil "~A" text)))
    (let ((form (handler-case (%read-form-of-file stream *definition-file*)
                  (end-of-file () (fail "the form that begins here has no end"))
                  (error (c) (fail (remove #\Newline (princ-to-string c)))))))
      (setq *definition-line* (if (consp (cdr *source-place*)) (cadr *source-place*) (cdr *source-place*))
            *definition-places* (and (consp (cdr *source-place*)) (cddr *source-place*)))
      form)))

(defun %mentions-p (name tree)
  (if (consp tree)
      (or (%mentions-p name (car tree)) (%mentions-p name (cdr tree)))
      (%named-p tree name)))

(defun %says-nothing-p (form)
  "Is it a form that says nothing about how a system is loaded: of packages, or a method for tests?"
  (and (consp form)
       (or (%named-p (car form) "IN-PACKAGE") (%named-p (car form) "DEFPACKAGE")
           (and (%named-p (car form) "DEFMETHOD") (consp (cdr form)) (consp (cddr form)) (%mentions-p "TEST-OP" (caddr form))))))

(defun %definition-forms (file)
  "A list of (line places form) for each DEFSYSTEM form of the file."
  (let ((forms '()) (*definition-file* (ext:native-namestring file)) (*definition-line* 1) (*source-place* nil) (*read-eval* nil) (*definition-places* nil))
    (with-open-file (in file)
      (loop
        (let ((form (%read-definition in)))
          (cond ((eq form in) (return (nreverse forms)))
                ((and (consp form) (%named-p (car form) "DEFSYSTEM")) (push (list *definition-line* *definition-places* form) forms))
                ((%says-nothing-p form))
                (t (%definition-error form "only DEFSYSTEM forms can be in the definition of a system"))))))))

(defun %checked-options (options form known)
  "The property list if it is one and all its keywords are known."
  (do ((tail options (cddr tail))) ((null tail) options)
    (unless (and (consp tail) (keywordp (car tail)) (consp (cdr tail))) (%definition-error form "~S is no keyword with a value" (if (consp tail) (car tail) tail)))
    (unless (or (member (car tail) known) (member (car tail) *system-remarks*))
      (%definition-error form "~S is not known here; what is: ~{~S~^ ~}" (car tail) known))))

(defun %listed (x form)
  (unless (and (listp x) (null (cdr (last x)))) (%definition-error form "~S is no list" x))
  x)

;;; -- Components --

(defstruct (%part (:copier nil) (:predicate nil)) kind name form options needs)

(defun %holds-p (expression form)
  "Does the feature expression hold?"
  (cond ((symbolp expression) (member expression *features* :test #'string=))
        ((and (consp expression) (%named-p (car expression) "AND")) (every (lambda (x) (%holds-p x form)) (cdr expression)))
        ((and (consp expression) (%named-p (car expression) "OR")) (some (lambda (x) (%holds-p x form)) (cdr expression)))
        ((and (consp expression) (%named-p (car expression) "NOT")) (not (%holds-p (cadr expression) form)))
        (t (%definition-error form "~S is no feature expression" expression))))

(defun %parse-part (form)
  (unless (and (consp form) (consp (cdr form)) (keywordp (car form))) (%definition-error form "~S is no component: (:FILE name) or (:MODULE name :COMPONENTS (...))" form))
  (let ((known (case (car form)
                 (:file '(:pathname :depends-on :if-feature :version))
                 (:module '(:pathname :depends-on :if-feature :version :serial :components))
                 (:static-file '(:pathname :depends-on :if-feature :version))
                 (t (%definition-error form "~S is no kind of component; there are :FILE, :MODULE and :STATIC-FILE" (car form))))))
    (let ((options (%checked-options (cddr form) form known)))
      (make-%part :kind (car form) :name (%lower-name (cadr form) form) :form form :options options
                  :needs (mapcar (lambda (x) (%lower-name x form)) (%listed (getf options :depends-on) form))))))

(defun %part-named (name parts form)
  (or (find name parts :key #'%part-name :test #'string=)
      (%definition-error form "there is no component ~S here; there are: ~{~S~^ ~}" name (mapcar #'%part-name parts))))

(defun %ordered-parts (parts)
  "The parts in an order in which each comes behind those that it needs, otherwise as they are."
  (let ((done '()))
    (labels ((visit (part chain)
               (when (member part chain :test #'eq)
                 (%definition-error (%part-form part) "components need each other: ~{~A~^ > ~}"
                                    (mapcar #'%part-name (reverse (cons part (ldiff chain (cdr (member part chain :test #'eq))))))))
               (unless (member part done :test #'eq)
                 (dolist (name (%part-needs part)) (visit (%part-named name parts (%part-form part)) (cons part chain)))
                 (push part done))))
      (dolist (part parts (nreverse done)) (visit part '())))))

(defun %parse-parts (forms serial)
  (let ((parts '()))
    (dolist (form forms (nreverse parts))
      (let ((part (%parse-part form)))
        (when (find (%part-name part) parts :key #'%part-name :test #'string=) (%definition-error form "there are two components ~S" (%part-name part)))
        (when serial (setf (%part-needs part) (union (%part-needs part) (mapcar #'%part-name parts) :test #'string=)))
        (push part parts)))))

(defun %ends-with-p (end text)
  (let ((at (- (length text) (length end)))) (and (>= at 0) (string= end text :start2 at))))

(defun %part-path (part folder)
  "The native name of the part's file or folder: its name, or its :PATHNAME, in the folder."
  (let* ((given (getf (%part-options part) :pathname))
         (name (cond ((pathnamep given) (ext:native-namestring given))
                     (given (%lower-name given (%part-form part)))
                     (t (%part-name part)))))
    (concatenate 'string (if (and (plusp (length name)) (char= (char name 0) #\/)) "" folder) name
                 (case (%part-kind part)
                   (:module (if (or (string= name "") (%ends-with-p "/" name)) "" "/"))
                   (:file (if (and given (%ends-with-p ".lisp" name)) "" ".lisp"))
                   (t "")))))

(defun %flatten-parts (forms serial folder before)
  "The files of the components in the order in which they are loaded.  BEFORE: files that all of them need."
  (let ((files '()) (done '())) ; done: (part . its files, or, if it has none, those that it needs)
    (dolist (part (%ordered-parts (%parse-parts forms serial)) (nreverse files))
      (let* ((options (%part-options part)) (form (%part-form part)) (path (%part-path part folder))
             (needs (append (mapcan (lambda (name) (copy-list (cdr (assoc name done :test #'string=)))) (%part-needs part)) before))
             (own (cond ((or (eq (%part-kind part) :static-file) (and (getf options :if-feature) (not (%holds-p (getf options :if-feature) form)))) '())
                        ((eq (%part-kind part) :module) (%flatten-parts (%listed (getf options :components) form) (getf options :serial) path needs))
                        (t (list (make-%source :path (ext:parse-native-namestring path) :needs needs :place (%place-of form)))))))
        (push (cons (%part-name part) (or own needs)) done)
        (setq files (revappend own files))))))

;;; -- Systems --

(defun %parse-dependency (x form)
  "(name . version) of a dependency, version a string or NIL; or NIL: it is not for this system."
  (cond ((atom x) (cons (%lower-name x form) nil))
        ((and (eq (car x) :version) (stringp (caddr x))) (cons (%lower-name (cadr x) form) (caddr x)))
        ((and (eq (car x) :feature) (cddr x)) (and (%holds-p (cadr x) form) (%parse-dependency (caddr x) form)))
        (t (%definition-error form "~S is no dependency: a name, (:VERSION name version) or (:FEATURE expression name)" x))))

(defun %parse-dependencies (list form) (remove nil (mapcar (lambda (x) (%parse-dependency x form)) (%listed list form))))

(defun %text-option (options keyword form)
  (let ((value (getf options keyword)))
    (unless (typep value '(or null string)) (%definition-error form "~S is a string, not ~S" keyword value))
    value))

(defun %parse-system (entry file)
  "The system of an element of %DEFINITION-FORMS."
  (destructuring-bind (*definition-line* *definition-places* form) entry
    (let* ((*definition-file* (ext:native-namestring file)) (options (%checked-options (cddr form) form '(:version :depends-on :weakly-depends-on :components :serial :pathname :encoding :entry-point :build-pathname)))
           (folder (ext:native-namestring (make-pathname :name nil :type nil :version nil :defaults file)))
           (top (make-%part :kind :module :name "" :form form :options options)))
      (unless (member (getf options :encoding :utf-8) '(:utf-8 :default)) (%definition-error form "sources are in UTF-8, not ~S" (getf options :encoding)))
      (make-%system :name (%lower-name (cadr form) form) :file file :line *definition-line*
                    :version (%text-option options :version form) :entry-point (%text-option options :entry-point form) :build-pathname (%text-option options :build-pathname form)
                    :depends-on (%parse-dependencies (getf options :depends-on) form) :wanted (%parse-dependencies (getf options :weakly-depends-on) form)
                    :files (%flatten-parts (%listed (getf options :components) form) (getf options :serial) (%part-path top folder) '())))))

(defun %systems-of-file (file)
  "The names of the systems that the file defines, each with its form."
  (%call-with-definition-package
   (lambda ()
     (mapcar (lambda (entry)
               (let ((*definition-file* (ext:native-namestring file)) (*definition-line* (first entry)) (*definition-places* (second entry)) (form (third entry)))
                 (unless (consp (cdr form)) (%definition-error form "a system has a name"))
                 (list (%lower-name (cadr form) form) (lambda () (%parse-system entry file)))))
             (%definition-forms file)))))

(defun %system-of-file (file name)
  "The system NAME that the file defines; NAME NIL: that of the file's name, or its only one."
  (let* ((systems (%systems-of-file file))
         (found (or (assoc (or name (pathname-name file)) systems :test #'string=) (and (null name) (null (cdr systems)) (car systems)))))
    (unless found
      (%system-error "~A defines no system ~S~@[; it defines: ~{~S~^ ~}~]" (ext:native-namestring file) (or name (pathname-name file)) (mapcar #'car systems)))
    (funcall (second found))))

;;; -- Finding systems --

(defun %folder-name (place)
  "The native name, with a slash at its end, of a folder that a string or a pathname names."
  (ext:native-namestring (ext:parse-native-namestring (if (stringp place) place (ext:native-namestring place)) :as-directory t)))

(defun %system-folders (asker)
  "Native names of the folders in which the systems that ASKER, a system or NIL, needs are looked for."
  (mapcar #'%folder-name
          (append (list (ext:current-directory))
                  (and asker
                       (let* ((own (make-pathname :name nil :type nil :version nil :defaults (truename (%system-file asker)))) (directory (pathname-directory own)))
                         (list own (if (cdr directory) (make-pathname :directory (butlast directory) :defaults own) own))))
                  ext:*system-path*
                  (remove "" (%split-at #\: (or (ext:getenv "WINDFALL_SYSTEM_PATH") "")) :test #'string=))))

(defun %split-at (separator text)
  (let ((parts '()) (start 0))
    (loop
      (let ((at (position separator text :start start)))
        (push (subseq text start at) parts)
        (unless at (return (nreverse parts)))
        (setq start (1+ at))))))

(defun %find-system (name asker)
  "The system of that name; NIL: there is no such file.  A name may be that of a file's other system: FILE/OTHER."
  (let ((base (subseq name 0 (position #\/ name))))
    (dolist (folder (%system-folders asker) nil)
      (dolist (file (list (concatenate 'string folder base ".asd") (concatenate 'string folder base "/" base ".asd")))
        (when (eql (%file-status file) 0)
          (return-from %find-system (%system-of-file (ext:parse-native-namestring file) name)))))))

(defun %folders-looked-in (asker)
  (remove-duplicates (%system-folders asker) :test #'string= :from-end t))

(defun %system-place (system)
  (format nil "~A:~D" (%shown-file (ext:native-namestring (%system-file system))) (%system-line system)))

(defun %system-named (name asker)
  (or (%find-system name asker)
      (%system-error "~@[~A: ~]there is no system ~S: no ~A.asd in ~{~A~^, ~}" (and asker (%system-place asker))
                     name (subseq name 0 (position #\/ name)) (%folders-looked-in asker))))

;;; -- Compiling and loading --

(defvar *loaded-files* (make-hash-table :test 'equal) "By native name of a unit: its time when it was loaded.")
(defvar *systems-met* '() "While systems are loaded: (name . latest time of its units) of those that are done.")

(defvar *compile-apart* nil "A function that brings all units up to date, called once before the first file would be compiled; or NIL.")

(defun %file-time (pathname)
  "When the file was changed, in nanoseconds; NIL: there is none."
  (multiple-value-bind (kind size seconds permissions nanoseconds) (%file-status (ext:native-namestring pathname))
    (declare (ignore size permissions))
    (and (eql kind 0) (+ (* seconds 1000000000) nanoseconds))))

(defun %unit-fits-p (unit)
  "Can the unit be loaded by this version of the system?"
  (values (%unit-open (ext:native-namestring unit) (%make-unit-owner "" ""))))

(defun %unit-of (source)
  "The pathname of the unit of a source."
  (let ((folder (or ext:*units-folder* (ext:getenv "WINDFALL_UNITS"))))
    (if (member folder '(nil "") :test #'equal)
        (compile-file-pathname source)
        (let ((folder (%folder-name folder)) (own (ext:native-namestring (make-pathname :name nil :type nil :version nil :defaults (truename source)))))
          (make-pathname :name (pathname-name source) :type "wfu" :defaults (ext:parse-native-namestring (concatenate 'string folder (subseq own 1))))))))

(defun %compile-system-source (source unit verbose)
  (let ((name (ext:native-namestring (%source-path source))))
    (when verbose (format *error-output* "; compiling ~A~%" (%shown-file name)))
    (ensure-directories-exist unit)
    (unless (compile-file (%source-path source) :output-file unit) (%system-error "~A: ~A cannot be read" (%source-place source) name))))

(defun %load-system-source (source since force verbose)
  "Compiles and loads the file if that is necessary; the time of its unit.  SINCE: what the unit may not be older than."
  (let* ((path (%source-path source))
         (changed (or (%file-time path) (%system-error "~A: there is no file ~A" (%source-place source) (ext:native-namestring path))))
         (unit (%unit-of path)) (native (ext:native-namestring unit)) (time (%file-time unit)))
    (dolist (needed (%source-needs source)) (setq since (max since (%source-time needed))))
    (flet ((stale-p ()
             (or force (null time) (>= changed time) (> since time) (not (or (eql time (gethash native *loaded-files*)) (%unit-fits-p unit))))))
      (when (and *compile-apart* (stale-p))
        (funcall (shiftf *compile-apart* nil))
        (setq time (%file-time unit)))
      (when (stale-p)
        (%compile-system-source source unit verbose)
        (setq time (%file-time unit))))
    (unless (eql time (gethash native *loaded-files*))
      (load unit :verbose nil)
      (setf (gethash native *loaded-files*) time))
    (setf (%source-time source) time)))

(defun %version-least-p (version wanted)
  "Is the version, numbers with dots between, at least the other?"
  (let ((a (mapcar (lambda (part) (or (parse-integer part :junk-allowed t) 0)) (%split-at #\. (or version ""))))
        (b (mapcar (lambda (part) (or (parse-integer part :junk-allowed t) 0)) (%split-at #\. wanted))))
    (loop
      (cond ((null b) (return t))
            ((null a) (return (every #'zerop b)))
            ((/= (car a) (car b)) (return (> (car a) (car b)))))
      (pop a)
      (pop b))))

(defun %load-needed (dependency asker chain force verbose)
  "Loads a system that ASKER needs; the latest time of its units."
  (destructuring-bind (name . wanted) dependency
    (when (member name chain :test #'string=)
      (%system-error "~A: systems need each other: ~{~A~^ > ~}" (%system-place asker)
                     (member name (reverse (cons name chain)) :test #'string=)))
    (let ((met (assoc name *systems-met* :test #'string=)) (system nil))
      (when (or wanted (not met)) (setq system (%system-named name asker)))
      (when (and wanted (not (%version-least-p (%system-version system) wanted)))
        (%system-error "~A: version ~A of ~A is needed, and ~A has ~:[none~;~:*~A~]" (%system-place asker) wanted name (ext:native-namestring (%system-file system)) (%system-version system)))
      (if met (cdr met) (%load-found-system system chain force verbose)))))

(defun %load-found-system (system chain force verbose)
  "Loads the system and what it needs; the latest time of its units."
  (let* ((name (%system-name system)) (time (%file-time (%system-file system))) (chain (cons name chain)))
    (dolist (dependency (append (%system-depends-on system) (remove-if-not (lambda (wanted) (%find-system (car wanted) system)) (%system-wanted system))))
      (setq time (max time (%load-needed dependency system chain force verbose))))
    (let ((since time))
      (dolist (file (%system-files system)) (setq time (max time (%load-system-source file since force verbose)))))
    (provide name)
    (push (cons name time) *systems-met*)
    time))

(defun %load-top-system (system force verbose)
  (let ((*systems-met* '()) (*package* (find-package "COMMON-LISP-USER")))
    (%with-compilation-unit nil (%load-found-system system '() force verbose))
    system))

(defun ext:load-system (name &key force (verbose *load-verbose*))
  "Compiles what is out of date of the system NAME and of those that it depends on, and loads what has changed since it was loaded last; T.
NAME is a string or symbol, the name of the definition file, NAME.asd, without its type; or a pathname, that of the definition file.  With FORCE everything is compiled.
SYSTEM-DEFINITION-ERROR if there is no such system or its definition is wrong."
  (%load-top-system (if (pathnamep name) (%system-of-file (merge-pathnames name) nil) (%system-named (if (symbolp name) (string-downcase name) name) nil)) force verbose)
  t)

(defun %require-system (name)
  "Loads the system that REQUIRE asks for; NIL: there is none."
  (let ((system (or (%find-system name nil) (%find-system (string-downcase name) nil))))
    (and system (%load-top-system system nil *load-verbose*))))

;;; -- Delivering --

(defun %entry-point (system name)
  "The function that the program of the system, which is loaded, calls: NAME, or its entry point."
  (let ((name (or name (%system-entry-point system))) (place (%system-place system)))
    (unless name (%system-error "~A: the system ~A has no :ENTRY-POINT" place (%system-name system)))
    (let ((symbol (let ((*package* (find-package "COMMON-LISP-USER")))
                    (handler-case (read-from-string name)
                      (error (c) (%system-error "~A: the entry point ~A: ~A" place name c))))))
      (if (and symbol (symbolp symbol) (fboundp symbol))
          (fdefinition symbol)
          (%system-error "~A: the system ~A defines no function ~A" place (%system-name system) name)))))

(defun %delivered-system (name)
  "Loads the system; the function of its entry point."
  (%entry-point (%load-top-system (%system-named name nil) nil *load-verbose*) nil))

(defun %system-to-deliver (word)
  "The system that a word of the command line means, not loaded yet: a definition file, with or without its type, a folder with one, or a system's name;
NIL: it means a file, or nothing."
  (let ((kind (%file-status word)) (definition (concatenate 'string word ".asd")) (pathname (ext:parse-native-namestring word)))
    (cond ((eql (%file-status definition) 0) (%system-of-file (merge-pathnames (ext:parse-native-namestring definition)) nil))
          ((eql kind 1)
           (let* ((folder (truename (ext:parse-native-namestring word :as-directory t))) (name (car (last (pathname-directory folder)))))
             (setq definition (make-pathname :name name :type "asd" :version nil :defaults folder))
             (unless (probe-file definition) (%system-error "the folder ~A has no definition of a system: no ~A.asd" word name))
             (%system-of-file definition nil)))
          ((and kind (equal (pathname-type pathname) "asd")) (%system-of-file (merge-pathnames pathname) nil))
          ((and kind (pathname-type pathname)) nil)
          (t (%find-system word nil)))))

(defun %system-output (system)
  "Where the program of the system is written: its :BUILD-PATHNAME, or its name, beside its definition."
  (let ((name (or (%system-build-pathname system) (substitute #\- #\/ (%system-name system)))))
    (merge-pathnames (ext:parse-native-namestring name) (make-pathname :name nil :type nil :version nil :defaults (%system-file system)))))
