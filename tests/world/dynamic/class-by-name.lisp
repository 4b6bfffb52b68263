;;; class-by-name.lisp: path: MAIN > MAKE-SHAPE: INTERN
(defclass circle () ((r :initarg :r :reader circle-r)))
(defclass box () ((w :initarg :w :reader box-w)))
(defgeneric area (shape))
(defmethod area ((c circle)) (* 3 (circle-r c) (circle-r c)))
(defmethod area ((b box)) (* (box-w b) (box-w b)))
(defun make-shape (kind &rest initargs) (apply #'make-instance (find-class (intern (string-upcase kind))) initargs))
(defun main () (print (area (make-shape "circle" :r 2))) (print (area (make-shape "box" :w 3))) (terpri))
