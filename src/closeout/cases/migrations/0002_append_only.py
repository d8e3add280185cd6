"""Let the database refuse what must never happen to history, and number the cases."""

from django.db import migrations

APPEND_ONLY = """
create function cases_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete on cases_caseevent
    for each row execute function cases_refuse_change();
create trigger append_only_truncate before truncate on cases_caseevent
    for each statement execute function cases_refuse_change();
"""
UNDO = """
drop trigger append_only on cases_caseevent;
drop trigger append_only_truncate on cases_caseevent;
drop function cases_refuse_change();
"""


class Migration(migrations.Migration):
    """History is append-only; case numbers come from a sequence."""

    dependencies = [("cases", "0001_first")]
    operations = [
        migrations.RunSQL("create sequence cases_number", "drop sequence cases_number"),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
