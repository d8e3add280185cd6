"""Forms of the portal: they validate, and nothing else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

REASON_MOST = 500


class ApplicationForm(forms.Form):
    """The typed confirmation and the optional reason; points and records are checked by the case file."""

    phrase = forms.CharField(label="", max_length=40, required=False)
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=REASON_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It is kept with the application and never decides anything."),
    )

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = "注销账户" if language == "zh" else "close my account"
        field = self.fields["phrase"]
        field.label = _("Type: %(phrase)s") % {"phrase": self.wanted}
        field.widget.attrs.update({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})

    def clean_phrase(self) -> str:
        """Accept the phrase whatever its case and spaces; both languages count."""
        typed = "".join(str(self.cleaned_data["phrase"]).split()).lower().strip("「」\"'“”。.")
        if typed not in ("注销账户", "closemyaccount"):
            raise forms.ValidationError(_("Type the words exactly as shown."), code="phrase")
        return self.wanted


class SupportForm(forms.Form):
    """A message to support."""

    text = forms.CharField(
        label=_("Your message"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Never write a code or a password here. Nobody of ours asks for one."),
        error_messages={"required": _("Write what support should look into.")},
    )
    about = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
