"""
The texts of a new experiment: each is checked like the text of any campaign, and people need values for all of them.

Everybody could get any of them, so somebody who lacks a value for one is left out of all; otherwise the variants would
not be compared on the same kind of people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import Template, compile_template
from sendyard.features.campaigns.experiments.terms import (
    Experiment,
    Variant,
    faults_of_experiment,
    faults_of_variants,
)
from sendyard.features.campaigns.wishes import Wish
from sendyard.features.links import is_link_variable


def wishes_of(wish: Wish, variants: Sequence[Variant], wanted: Experiment | None) -> list[Wish]:
    """
    A wish for each text of a campaign: the wish itself when it is no experiment.

    Raises:
        Invalid: variants, or their texts, cannot be used; one error per field at fault.
    """
    if wanted is None and not variants:
        wish.check()
        return [wish]
    if wanted is None:
        detail = "Expected an experiment with the variants, which says what is compared; found none."
        raise Invalid("no_experiment", detail, errors=[FieldError("/experiment", "no_experiment", detail)])
    errors = [*faults_of_variants(variants), *faults_of_experiment(wanted, wish.channel)]
    if wish.text is not None or wish.template_code is not None:
        detail = "The texts of an experiment are those of its variants; leave `text` and `template` out."
        errors.append(FieldError("/text", "text_and_variants", detail))
    if errors:
        raise Invalid(errors[0].code, errors[0].detail, errors=errors)
    found = [replace(wish, template_code=one.template, text=one.text) for one in variants]
    for number, one in enumerate(found):
        try:
            one.check()
        except Invalid as error:
            raise _within(error, number) from None
    return found


def _within(error: Invalid, number: int) -> Invalid:
    """The same complaint, said of a variant where it is about a text."""
    errors = [
        replace(one, pointer=f"/experiment/variants/{number}{one.pointer}")
        if one.pointer in {"/text", "/template"}
        else one
        for one in error.errors
    ]
    return Invalid(error.code, error.detail, errors=errors)


def together(templates: Sequence[Template]) -> Template:
    """A template that needs what any of these needs: for columns and rows, never for a message."""
    required = {name for template in templates for name in template.required}
    names = dict.fromkeys(name for template in templates for name in template.variables)
    return compile_template("".join(f"{{{name}}}" if name in required else f"{{{name}|-}}" for name in names))


def expect_links(wanted: Experiment, named: Iterable[Iterable[str]]) -> None:
    """
    See that each text can be clicked on where clicks are counted; `named` has the variables of each.

    Raises:
        Invalid: a text has no short link.
    """
    if wanted.metric != "clicked":
        return
    for number, names in enumerate(named):
        if not any(map(is_link_variable, names)):
            detail = (
                "Clicks are known of short links only, and this text has none: write {link.CODE} where one belongs."
            )
            pointer = f"/experiment/variants/{number}"
            raise Invalid("no_link", detail, errors=[FieldError(pointer, "no_link", detail)])
