"""Words that show where a sentence begins, or that it continues."""

from nightingale.text.lexicon import words

# With a capital these begin a sentence: "at 5 p.m. He left", but "Apple Inc. Computers".
OPENERS = frozenset(words(
    "A After All Although An And Another As At Because Before Both But By Did Do Does Each Every Finally For From He "
    "Her Here His How However I If In Is It Its Just Later Let Many Maybe Meanwhile Most My Next No Not Now On Once "
    "One Or Our People Perhaps Please She Since So Some Soon Still That The Their Then There These They This Those "
    "Though Thus To Today Tomorrow Two Under Until We What When Where Which While Who Why With Yes Yesterday Yet You "
    "Your"
))
# After a measure in a recipe: "2 tbsp. Stir well".
RECIPE_VERBS = frozenset(words(
    "Add Mix Stir Bake Boil Bring Combine Cook Cover Cut Drain Fold Fry Heat Knead Melt Place Pour Preheat Put "
    "Reduce Remove Roll Season Serve Simmer Sprinkle Take Toss Use Whisk"
))
# A sentence does not end with one of these.
UNFINISHED = frozenset(words(
    "a an the this that these those my your his her its our their of at to for from with without under into onto upon "
    "above across after against along among before behind below beneath beside between beyond during near toward "
    "towards until and or but nor as than if because while when where which who whose is are was were be been am has "
    "have had will would can could shall should may might must does did very Mr Mrs Ms Dr A An The And Or But Of"
))
# A sentence of more than two words does not end with one of these either; "Log in" may be a button.
PARTICLES = frozenset(words("in on over off by about around through up down do not"))
# Prose has one of these in almost every line, lists and logs seldom.
FUNCTION_WORDS = UNFINISHED | PARTICLES | frozenset(words(
    "it he she we they you me him them us who that which there here so then when where why how what all some any each "
    "every more most other such only also just about after before not no nor yet both either neither while since "
    "though although unless whether instead rather even ever never always again still"
))
