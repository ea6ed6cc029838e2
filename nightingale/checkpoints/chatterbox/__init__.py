"""The official English checkpoint, ResembleAI/chatterbox: names.py has its names and layouts, sizes.py its sizes.

Native model folders need neither.
"""
