"""One file a method: terms(settings, batch, student, teacher, model) gives its parts by name, divided as training divides them.

`student` and `teacher` are States on response rows; nothing of the teacher has a gradient.
"""
