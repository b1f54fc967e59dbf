"""What programs name in a word, in the words of people: `{{ "pr_auc"|metric_name }}` is precision-recall AUC."""

from django import template

from training import words

register = template.Library()


@register.filter
def metric_name(metric: str) -> str:
    """A metric by its name within a sentence; `|capfirst` at the start of a line."""
    return words.metric(metric)


@register.filter
def task_name(task: str) -> str:
    """The kind of answer that a model gives."""
    return str(words.TASKS.get(task, task))


@register.filter
def recipe_name(recipe: str) -> str:
    return str(words.RECIPES.get(recipe, recipe))


@register.filter
def stage_name(stage: str) -> str:
    """A stage of a run's timeline."""
    return str(words.STAGES.get(stage, stage))
