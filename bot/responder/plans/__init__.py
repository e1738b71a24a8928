"""Plans by subject: what each action would touch. Each ends in `draft.draw_up`, which asks Airflow and writes it down."""
