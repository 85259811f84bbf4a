-- The two tables of the operations dashboard, as its application has them.
CREATE TABLE tareas (
  id serial PRIMARY KEY,
  titulo text NOT NULL,
  estado text NOT NULL DEFAULT 'programada',
  prioridad integer NOT NULL DEFAULT 3,
  fecha_creacion timestamptz NOT NULL DEFAULT now(),
  fecha_actualizacion timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE efectivos (
  id serial PRIMARY KEY,
  nombre text NOT NULL,
  apellido text NOT NULL,
  estado_disponibilidad text NOT NULL DEFAULT 'disponible',
  rango text,
  fecha_actualizacion timestamptz NOT NULL DEFAULT now()
);
