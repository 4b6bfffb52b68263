;;;; library-end.lisp: what tells the library from programs; the last file.
(in-package "SYS")

(defvar *library-packages*
  (remove "COMMON-LISP-USER" (mapcar #'package-name (list-all-packages)) :test #'string=)
  "Names of the packages that are no program's.")

(defvar *library-end* (list nil) "An object that is younger than all functions of the library, and older than all others.")
