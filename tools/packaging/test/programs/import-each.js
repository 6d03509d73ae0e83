const names = process.env.PACKAGES.split(' ');
const modules = await Promise.all(names.map(async (name) => [name, Object.keys(await import(name))]));
for (const [name, exported] of modules)
  if (exported.length === 0) throw new Error(`${String(name)} exports nothing`);
process.stdout.write(JSON.stringify(Object.fromEntries(modules)));
